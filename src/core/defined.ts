/** Options without those that are undefined: to say nothing and to say `undefined` is the same, also over defaults. */
export const defined = <T extends object>(options: T): T =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
