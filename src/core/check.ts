import { CODE_FORM, isCode } from './code.js';
import { isUuid } from './id.js';
import type { FieldProblem } from './refusal.js';

/** Says what is wrong with a value, or nothing. */
export type Check = (value: unknown) => string | undefined;

/** Says what is wrong within a value; `field` is the path that leads to it. */
export type DeepCheck<Value = never> = (value: Value, field: string) => readonly FieldProblem[];

/** Text that PostgreSQL and JSON can both carry. */
export function textProblem(value: string): string | undefined {
  if (value.includes('\0')) return 'must not contain the NUL character';
  if (!value.isWellFormed()) return 'must be well-formed Unicode (it has half of a surrogate pair)';
  return undefined;
}

export const uuid: Check = (value) =>
  typeof value === 'string' && isUuid(value) ? undefined : 'must be a UUID in lower case';

export const code: Check = (value) => (typeof value === 'string' && isCode(value) ? undefined : CODE_FORM);

export function text(least: number, most: number): Check {
  const span = least === most ? `exactly ${most}` : `${least} to ${most}`;
  return (value) => {
    const length = typeof value === 'string' ? value.trim().length : -1;
    const longest = typeof value === 'string' ? value.length : 0;
    return length >= least && longest <= most ? undefined : `must be ${span} characters long`;
  };
}

const ATEXT = '[^\\s@<>(),;:\\\\"\\[\\].\\p{C}]+';
const LABEL = '[\\p{L}\\p{N}]([\\p{L}\\p{N}-]{0,61}[\\p{L}\\p{N}])?';
const MAIL_ADDRESS = new RegExp(`^${ATEXT}(\\.${ATEXT})*@${LABEL}(\\.${LABEL})+$`, 'u');

/** One mail address and nothing beside it (RFC 5321, 4.1.2): quoted names and domain literals are left out. */
export const mailAddress: Check = (value) =>
  typeof value === 'string' && value.length <= 254 && MAIL_ADDRESS.test(value)
    ? undefined
    : 'must be a mail address';

export function integer(least: number, most: number): Check {
  return (value) =>
    Number.isInteger(value) && Number(value) >= least && Number(value) <= most
      ? undefined
      : `must be a whole number from ${least} to ${most}`;
}

export function listOf(most: number): Check {
  return (value) =>
    Array.isArray(value) && value.length <= most ? undefined : `must have at most ${most} entries`;
}

const JSON_DEPTH = 8;
const JSON_BYTES = 16_384;

/** Stops at the limit: a text of a megabyte can be nested deeper than a stack can follow. */
function isDeeper(value: unknown, levels: number): boolean {
  if (value === null || typeof value !== 'object') return false;
  return levels === 0 || Object.values(value).some((item) => isDeeper(item, levels - 1));
}

/** Every text within, the names of members too. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (value === null || typeof value !== 'object') return [];
  const names = Array.isArray(value) ? [] : Object.keys(value);
  return [...names, ...Object.values(value).flatMap(textsIn)];
}

/** A JSON object of bounded depth and size, whose every text can be stored. */
export const jsonObject: Check = (value) => {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return 'must be a JSON object';
  if (isDeeper(value, JSON_DEPTH)) return `must be nested at most ${JSON_DEPTH} levels deep`;
  if (JSON.stringify(value).length > JSON_BYTES) return `must be at most ${JSON_BYTES} characters of JSON`;
  return textsIn(value)
    .map(textProblem)
    .find((problem) => problem !== undefined);
};

/** Two entries of a list that name the same thing. */
export function repeated(values: readonly string[], field: (index: number) => string): FieldProblem[] {
  return values.flatMap((value, index) =>
    values.indexOf(value) < index ? [{ field: field(index), message: `'${value}' stands twice` }] : [],
  );
}
