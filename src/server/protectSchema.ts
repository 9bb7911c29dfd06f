import {
  defaultFieldResolver,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  isInputObjectType,
  isListType,
  isNonNullType,
  isObjectType,
} from 'graphql';
import { isPermission } from '../access/permissions.js';
import { requirePermission } from '../core/actor.js';
import { type Check, textProblem, uuid } from '../core/check.js';
import { type FieldProblem, invalidInput } from '../core/refusal.js';
import { markProblems, marksOf } from './enforceFeatures.js';
import type { Operation } from './operation.js';

type Field = GraphQLField<unknown, Operation>;

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
}

/** Looks at every value of an input, and tells each that does not fit. */
function problemsOf(asked: Asked): FieldProblem[] {
  const { type, value, field, check, notNull } = asked;
  if (isNonNullType(type)) return problemsOf({ ...asked, type: type.ofType });
  if (value === undefined) return [];
  if (value === null) return notNull === true ? [{ field, message: 'must not be null' }] : [];
  if (isListType(type)) return listProblems(asked, type.ofType, Array.isArray(value) ? value : []);
  if (!isInputObjectType(type)) {
    const message = scalarProblem(type, value, check);
    return message === undefined ? [] : [{ field, message }];
  }
  const given: Record<string, unknown> = Object.fromEntries(Object.entries(value));
  return Object.values(type.getFields()).flatMap((member) =>
    problemsOf({
      type: member.type,
      value: given[member.name],
      field: `${field}.${member.name}`,
      check: member.extensions.check as Check | undefined,
      notNull: member.extensions.notNull === true,
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

function checkArguments(field: Field, args: Readonly<Record<string, unknown>>): void {
  const checks = (field.extensions.argumentChecks ?? {}) as Readonly<Record<string, Check>>;
  const problems = field.args.flatMap((argument) =>
    problemsOf({
      type: argument.type,
      value: args[argument.name],
      field: argument.name,
      check: checks[argument.name],
    }),
  );
  if (problems.length > 0) throw invalidInput(problems);
}

/** Response names from the root on, without list positions. */
function pathOf(info: GraphQLResolveInfo): string {
  const names: string[] = [];
  for (let step: GraphQLResolveInfo['path'] | undefined = info.path; step !== undefined; step = step.prev) {
    if (typeof step.key === 'string') names.unshift(step.key);
  }
  return names.join('.');
}

/** Wraps a field in what stands before its resolver: permission, values, features, and for a root mutation the transaction. */
function protectField(field: Field, permission: string | undefined, isMutation: boolean): void {
  const original = field.resolve ?? defaultFieldResolver;
  const marked = marksOf(field).length > 0;
  if (permission === undefined && !marked && field.args.length === 0) return;
  field.resolve = async (source, args, ctx, info) => {
    if (permission !== undefined) requirePermission(ctx.actor, permission);
    checkArguments(field, args);
    const path = pathOf(info);
    if (marked) ctx.features.check(path);
    const run = async (): Promise<unknown> => original(source, args, ctx, info);
    const answer = isMutation
      ? await ctx.act(run, (work) => ctx.features.chargeRoot(work, path))
      : await run();
    if (marked) ctx.features.used(path);
    return answer;
  };
}

function describe(field: Field, permission: string | undefined): void {
  const asks = permission === undefined ? [] : [`Permission: \`${permission}\`.`];
  const needs = marksOf(field).map((mark) => {
    const charge = mark.consumeQuota ? `, ${mark.amount} ${mark.amount === 1 ? 'unit' : 'units'} a use` : '';
    return `Feature: \`${mark.feature}\`${charge}.`;
  });
  field.description = [field.description, ...asks, ...needs].join(' ').trim();
}

function permissionOf(
  typeName: string,
  field: Field,
  isRoot: boolean,
  problems: string[],
): string | undefined {
  const { permission } = field.extensions;
  if (typeof permission === 'string' && isPermission(permission)) return permission;
  if (permission !== undefined || isRoot)
    problems.push(`${typeName}.${field.name}: states no permission that is listed`);
  return undefined;
}

/** Puts the guards on every field; a root field without a permission, or a mark that cannot be obeyed, stops the start. */
export function protectSchema(schema: GraphQLSchema): GraphQLSchema {
  const problems = markProblems(schema);
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) || type.name.startsWith('__')) continue;
    for (const field of Object.values(type.getFields())) {
      const permission = permissionOf(type.name, field, roots.includes(type), problems);
      protectField(field, permission, type === schema.getMutationType());
      describe(field, permission);
    }
  }
  if (problems.length > 0) throw new Error(`the schema cannot be enforced:\n  ${problems.join('\n  ')}`);
  return schema;
}
