import { z } from 'zod';

export const list = z.string().transform((value) =>
  value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
);

/** One word of the environment: what it may be, whether it is shown, and what it does. */
export interface Setting<Value extends z.ZodType> {
  readonly type: Value;
  readonly secret?: boolean;
  readonly about: string;
}

export function setting<Value extends z.ZodType>(type: Value, about: string, secret = false): Setting<Value> {
  return { type, about, secret };
}
