import { Extensions } from 'type-graphql';
import type { Refusal } from '../core/refusal.js';

/** Finds in what a field answers the refusal that it stands for, where that has to be recorded. */
export function Misuse<Answer>(misuseOf: (answer: Answer) => Refusal | undefined): MethodDecorator {
  return Extensions({ misuseOf }) as MethodDecorator;
}
