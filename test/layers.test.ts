import { readdirSync, readFileSync, statSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parseAst } from 'vitest/node';

/** The folders of `src` from the bottom up: a file imports from its own folder or from one above it in this list. */
const layers = [
  'core',
  'formats',
  'graph',
  'ops',
  'nn',
  'optim',
  'models',
  'compile',
  'engine',
  'data',
  'explain',
  'classic',
  'train',
  'search',
  'report',
  'cli',
];
/** Folders before this one run in a browser too and may use nothing of Node … */
const firstNodeLayer = 'data';
/** … except these. */
const nodeFolders = ['engine/onednn', 'engine/threaded'];
const nodeGlobals = ['Buffer', 'process', '__dirname', '__filename', 'require', 'setImmediate', 'clearImmediate'];

/** What the rules look at in one file. */
interface Source {
  /** Path below `src` with `/`. */
  path: string;
  /** Module specifiers of every kind of import and re-export, types too. */
  imports: string[];
  /** Those of them that are still there when the types are erased. */
  loads: string[];
  /** Names of Node's globals that occur as free-standing identifiers. */
  globals: string[];
}

const importing = ['ImportDeclaration', 'ExportNamedDeclaration', 'ExportAllDeclaration', 'ImportExpression', 'TSImportType'];
interface Syntax {
  type: string;
  [field: string]: unknown;
}

function readSource(path: string, text: string): Source {
  const imports: string[] = [];
  const loads: string[] = [];
  const globals: string[] = [];
  const visit = (node: unknown, parent?: Syntax, field?: string): void => {
    if (Array.isArray(node)) for (const child of node) visit(child, parent, field);
    if (typeof node !== 'object' || node === null || !('type' in node)) return;
    const syntax = node as Syntax;
    const from = syntax.source as { value?: unknown } | null | undefined;
    if (importing.includes(syntax.type) && typeof from?.value === 'string') {
      imports.push(from.value);
      const isErased = syntax.type === 'TSImportType' || syntax.importKind === 'type' || syntax.exportKind === 'type';
      if (!isErased) loads.push(from.value);
    }
    // `a.process` and `{ process: 1 }` are names of members, not the global.
    const isMember = (field === 'property' || field === 'key') && parent?.computed === false;
    if (syntax.type === 'Identifier' && !isMember && nodeGlobals.includes(syntax.name as string)) globals.push(syntax.name as string);
    for (const [name, child] of Object.entries(syntax)) visit(child, syntax, name);
  };
  visit(parseAst(text, { lang: 'ts' }, path));
  return { path, imports, loads, globals };
}

const layerOf = (path: string): number => layers.indexOf(path.split('/')[0]);
const isAtTop = (path: string): boolean => !path.includes('/');

/** The file below `src` that a relative specifier means, or undefined for a package. */
const targetOf = (from: string, specifier: string): string | undefined =>
  specifier.startsWith('.') ? join(dirname(from), specifier).split(sep).join('/') : undefined;

const isNodeModule = (specifier: string): boolean =>
  specifier.startsWith('node:') || builtinModules.includes(specifier) || builtinModules.includes(specifier.split('/')[0]);

/** Files that load each other in a ring, each ring once. Types may refer to each other: they load nothing. */
function rings(sources: readonly Source[]): string[] {
  const edges = new Map(sources.map((s) => [s.path, s.loads.flatMap((i) => targetOf(s.path, i) ?? [])]));
  const done = new Set<string>();
  const found: string[] = [];
  const walk = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) found.push([...trail.slice(start), path].join(' → '));
    if (start >= 0 || done.has(path)) return;
    for (const next of edges.get(path) ?? []) walk(next, [...trail, path]);
    done.add(path);
  };
  for (const path of edges.keys()) walk(path, []);
  return found;
}

/** Every breach of the rules, one line each. */
function breaches(sources: readonly Source[]): string[] {
  const found: string[] = [];
  for (const { path, imports, globals } of sources) {
    // `src/index.ts` and the like join the layers and stand above them all.
    const layer = isAtTop(path) ? layers.length : layerOf(path);
    if (layer < 0) found.push(`${path}: its folder is not in the list of layers`);
    for (const specifier of imports) {
      const target = targetOf(path, specifier);
      if (target === undefined) continue;
      if (target.startsWith('..')) found.push(`${path} imports ${specifier}, which is outside src`);
      else if (isAtTop(target)) found.push(`${path} imports ${target}, which joins all layers`);
      else if (layerOf(target) > layer) found.push(`${path} imports ${target}: ${target.split('/')[0]} comes later`);
    }
    const mayUseNode = layer >= layers.indexOf(firstNodeLayer) || nodeFolders.some((folder) => path.startsWith(`${folder}/`));
    if (mayUseNode) continue;
    for (const specifier of imports.filter(isNodeModule)) found.push(`${path} imports ${specifier} of Node`);
    for (const name of globals) found.push(`${path} uses ${name} of Node`);
  }
  return [...found, ...rings(sources).map((ring) => `ring of imports: ${ring}`)];
}

const src = resolve(fileURLToPath(import.meta.url), '../../src');
const isShipped = (path: string): boolean => path.endsWith('.ts') && !path.endsWith('.test.ts');
const shipped = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((p) => isShipped(p) && statSync(join(src, p)).isFile());
const sources = shipped.map((p) => readSource(relative(src, join(src, p)).split(sep).join('/'), readFileSync(join(src, p), 'utf8')));

describe('layers', () => {
  it('hold in every file of src', () => {
    expect(sources.length).toBeGreaterThan(10);
    expect(breaches(sources)).toEqual([]);
  });

  it.each([
    ['core/a.ts', "import type { Graph } from '../graph/graph.ts';", 'core/a.ts imports graph/graph.ts: graph comes later'],
    ['nn/a.ts', "export * from '../optim/index.ts';", 'nn/a.ts imports optim/index.ts: optim comes later'],
    ['nn/a.ts', "type A = import('../models/index.ts').A;", 'nn/a.ts imports models/index.ts: models comes later'],
    ['train/a.ts', "const r = await import('../report/index.ts');", 'train/a.ts imports report/index.ts: report comes later'],
    ['graph/a.ts', "import '../../scripts/steps.ts';", 'graph/a.ts imports ../../scripts/steps.ts, which is outside src'],
    ['cli/a.ts', "import { relu } from '../index.ts';", 'cli/a.ts imports index.ts, which joins all layers'],
    ['misc/a.ts', '', 'misc/a.ts: its folder is not in the list of layers'],
    ['core/a.ts', "import { readFileSync } from 'node:fs';", 'core/a.ts imports node:fs of Node'],
    ['engine/reference/a.ts', "import { join } from 'path';", 'engine/reference/a.ts imports path of Node'],
    ['formats/a.ts', 'const b = Buffer.alloc(1);', 'formats/a.ts uses Buffer of Node'],
    ['ops/a.ts', 'const t = process.env.X;', 'ops/a.ts uses process of Node'],
  ])('refuse in %s: %s', (path, text, complaint) => {
    expect(breaches([readSource(path, text)])).toEqual([complaint]);
  });

  it('refuse a ring of files, whole', () => {
    const ring = [
      readSource('nn/a.ts', "import { b } from './b.ts';"),
      readSource('nn/b.ts', "import { c } from './c.ts';"),
      readSource('nn/c.ts', "import { a } from './a.ts';"),
    ];
    expect(breaches(ring)).toEqual(['ring of imports: nn/a.ts → nn/b.ts → nn/c.ts → nn/a.ts']);
  });

  it.each([
    ['train/a.ts', "import { f32 } from '../core/index.ts'; import { openSync } from 'node:fs'; process.exitCode = 1;"],
    ['engine/onednn/a.ts', "import koffi from 'koffi'; import os from 'node:os';"],
    ['core/a.ts', "// import 'node:fs'\nconst text = \"import { a } from '../cli/main.ts'\"; const o = { process: 1 }; o.process;"],
    ['nn/a.ts', "import type { A } from './a.ts';"],
    ['index.ts', "export * from './core/index.ts'; export * from './train/index.ts';"],
  ])('allow in %s: %s', (path, text) => {
    expect(breaches([readSource(path, text)])).toEqual([]);
  });
});
