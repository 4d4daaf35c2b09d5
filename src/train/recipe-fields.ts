import { z } from 'zod';

export type FieldGroup = 'Run' | 'Pictures' | 'Transfer' | 'Optimizer' | 'Learning rate';

/** What a field of the recipe means and may hold, in words: messages, the command line's help and the reference read it. */
export interface FieldMeaning {
  doc: string;
  allowed: string;
  /** What stands for the value in the help, `n` for numbers; empty for a switch. */
  value: string;
  /** Whether `allowed` names all values there are. */
  listed?: boolean;
  group: FieldGroup;
  /** A resumed run may change it. */
  changeable: boolean;
}

interface Kind<S extends z.ZodType> {
  schema: S;
  allowed: string;
  value: string;
  listed?: boolean;
}
export const integer = (min: number, max?: number) => ({
  schema: z
    .int()
    .min(min)
    .max(max ?? Number.MAX_SAFE_INTEGER),
  allowed: `an integer from ${min}${max === undefined ? '' : ` to ${max}`}`,
  value: 'n',
});
export const above0 = { schema: z.number().positive(), allowed: 'a number above 0', value: 'n' };
export const from0 = { schema: z.number().min(0), allowed: 'a number from 0', value: 'n' };
export const share = { schema: z.number().min(0).lt(1), allowed: 'a number from 0 to below 1', value: 'n' };
export const flag = { schema: z.boolean(), allowed: 'true or false', value: '' };
export const text = (value: string) => ({ schema: z.string().min(1), allowed: `a ${value}`, value });
export const oneOf = <const T extends readonly string[]>(...names: T) => ({
  schema: z.enum(names),
  allowed: `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`,
  value: 'name',
  listed: true,
});

export const inGroup =
  (group: FieldGroup) =>
  <S extends z.ZodType>({ schema, allowed, value, listed }: Kind<S>, doc: string, changeable = false): S =>
    schema.meta({ doc, allowed, value, listed, group, changeable } satisfies FieldMeaning) as S;
