import {
  type GraphQLField,
  type GraphQLInputType,
  isInputObjectType,
  isListType,
  isNonNullType,
} from 'graphql';
import { type Check, type DeepCheck, textProblem, uuid } from '../../core/check.js';
import { type FieldProblem, invalidInput } from '../../core/refusal.js';

type Field = Pick<GraphQLField<unknown, never>, 'args' | 'extensions'>;

/** No list of an input is longer, whatever its own check says. */
const LONGEST_LIST = 1000;

function scalarProblem(type: GraphQLInputType, value: unknown, check: Check | undefined): string | undefined {
  const unsound = typeof value === 'string' ? textProblem(value) : undefined;
  if (unsound !== undefined) return unsound;
  if (check !== undefined) return check(value);
  return String(type) === 'ID' ? uuid(value) : undefined;
}

interface Asked {
  readonly type: GraphQLInputType;
  readonly value: unknown;
  readonly field: string;
  readonly check?: Check | undefined;
  readonly notNull?: boolean | undefined;
  readonly together?: DeepCheck | undefined;
}

/** Looks at every value of an input, and tells each that does not fit, by itself or beside the others. */
function problemsOf(asked: Asked): FieldProblem[] {
  const { value, field, notNull, together } = asked;
  if (value === undefined) return [];
  if (value === null) return notNull === true ? [{ field, message: 'must not be null' }] : [];
  const isEndless = Array.isArray(value) && value.length > LONGEST_LIST;
  const among = together === undefined || isEndless ? [] : together(value as never, field);
  return [...ownProblems(asked), ...among];
}

function ownProblems(asked: Asked): FieldProblem[] {
  const { type, value, field, check } = asked;
  if (isNonNullType(type)) return ownProblems({ ...asked, type: type.ofType });
  if (isListType(type)) return listProblems(asked, type.ofType, Array.isArray(value) ? value : []);
  if (!isInputObjectType(type)) {
    const message = scalarProblem(type, value, check);
    return message === undefined ? [] : [{ field, message }];
  }
  const given: Record<string, unknown> = Object.fromEntries(Object.entries(value ?? {}));
  return Object.values(type.getFields()).flatMap((member) =>
    problemsOf({
      type: member.type,
      value: given[member.name],
      field: `${field}.${member.name}`,
      check: member.extensions.check as Check | undefined,
      notNull: member.extensions.notNull === true,
      together: member.extensions.together as DeepCheck | undefined,
    }),
  );
}

function listProblems(
  { field, check, value }: Asked,
  type: GraphQLInputType,
  items: readonly unknown[],
): FieldProblem[] {
  if (items.length > LONGEST_LIST) return [{ field, message: `must have at most ${LONGEST_LIST} entries` }];
  const message = check?.(value);
  const problems = message === undefined ? [] : [{ field, message }];
  return [
    ...problems,
    ...items.flatMap((item, index) => problemsOf({ type, value: item, field: `${field}.${index}` })),
  ];
}

/** Refuses a field's arguments, naming every value that does not fit. */
export function checkArguments(field: Field, args: Readonly<Record<string, unknown>>): void {
  const checks = (field.extensions.argumentChecks ?? {}) as Readonly<Record<string, Check>>;
  const problems = field.args.flatMap((argument) =>
    problemsOf({
      type: argument.type,
      value: args[argument.name],
      field: argument.name,
      check: checks[argument.name],
    }),
  );
  // What is wrong by itself may be wrong beside the others too: it is told once.
  const first = new Map(problems.toReversed().map((problem) => [problem.field, problem]));
  const told = problems.filter((problem) => first.get(problem.field) === problem);
  if (told.length > 0) throw invalidInput(told);
}
