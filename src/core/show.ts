/**
 * A value as messages show it: JSON, where JSON has a form for it; NaN and the infinities by their names instead of `null`, functions and
 * objects of a class by theirs, and `nothing` for undefined.
 *
 * @example show([1, Number.NaN, 'a']) // [1,NaN,"a"]
 */
export function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'function') return `the function ${value.name || 'without a name'}`;
  if (typeof value !== 'object' || value === null) return String(value);
  if (Array.isArray(value)) return `[${value.map(show).join(',')}]`;
  const kind: string = Object.getPrototypeOf(value)?.constructor.name ?? 'Object';
  if (kind !== 'Object') return `an object of the class ${kind}`;
  return `{${Object.entries(value).map(([key, field]) => `${JSON.stringify(key)}:${show(field)}`)}}`;
}
