import { Extensions } from 'type-graphql';
import type { Check, DeepCheck } from '../core/check.js';

/** Puts a check on an input's field; the server runs them all before the resolver and names every field that fails. */
export function Checked(check: Check): PropertyDecorator {
  return Extensions({ check }) as PropertyDecorator;
}

/** Puts a check on an input's field that looks at its members together, and names those that do not fit each other. */
export function CheckedTogether<Value>(check: DeepCheck<Value>): PropertyDecorator {
  return Extensions({ together: check }) as PropertyDecorator;
}

/** Puts checks on a field's own arguments, by their names. */
export function CheckedArguments(checks: Readonly<Record<string, Check>>): MethodDecorator {
  return Extensions({ argumentChecks: checks }) as MethodDecorator;
}

/** For changes: the value may be left out, but not be null. */
export function NotNull(): PropertyDecorator {
  return Extensions({ notNull: true }) as PropertyDecorator;
}
