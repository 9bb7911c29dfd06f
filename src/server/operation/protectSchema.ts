import {
  defaultFieldResolver,
  type GraphQLField,
  type GraphQLFieldResolver,
  type GraphQLObjectType,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  getNullableType,
  isListType,
  isNonNullType,
  isObjectType,
  OperationTypeNode,
} from 'graphql';
import { isPermission } from '../../access/permissions.js';
import { requirePermission } from '../../core/actor.js';
import { Refusal } from '../../core/refusal.js';
import type { Work } from '../../core/work.js';
import { type FeatureMark, marksOf } from '../../sdk/directive/marks.js';
import { markProblems } from '../../sdk/directive/problems.js';
import { costOfEntries } from '../limits/cost.js';
import { checkArguments } from './checkArguments.js';
import { checkPayload } from './checkPayload.js';
import type { Operation } from './operation.js';
import type { OperationFeatures } from './operationFeatures.js';
import { costOfPayload } from './payloadCost.js';

type Field = GraphQLField<unknown, Operation>;
type Resolve = GraphQLFieldResolver<unknown, Operation>;

/** Response names from the root on, without list positions. */
function pathOf(info: GraphQLResolveInfo): string {
  let names = '';
  for (let step: GraphQLResolveInfo['path'] | undefined = info.path; step !== undefined; step = step.prev) {
    if (typeof step.key === 'string') names = names === '' ? step.key : `${step.key}.${names}`;
  }
  return names;
}

/**
 * A payload holds rows as the act returned them, and its edges are read afterwards: what was moved to somebody else
 * since, by this act, by another, or in the days before a replay, is not found. In a query it would be our defect.
 */
function isLost(answer: unknown, info: GraphQLResolveInfo): boolean {
  const missing = answer === null || answer === undefined;
  return missing && info.operation.operation === OperationTypeNode.MUTATION;
}

function outOfSight(path: string): Refusal {
  return new Refusal('NOT_VISIBLE', `The act is done; what ${path} leads to is not the caller's to see now.`);
}

const isPromise = (answer: unknown): answer is PromiseLike<unknown> =>
  typeof answer === 'object' && answer !== null && 'then' in answer && typeof answer.then === 'function';

/** Decided before the first resolver ran: a list asks once for each of its fields, not once for each of its objects. */
function requireFeatures(
  features: OperationFeatures,
  marks: readonly FeatureMark[],
  info: GraphQLResolveInfo,
): void {
  if (features.passed.has(info.fieldNodes)) return;
  features.check(pathOf(info), marks);
  features.passed.add(info.fieldNodes);
}

function keepUnits(
  features: OperationFeatures,
  marks: readonly FeatureMark[],
  info: GraphQLResolveInfo,
): void {
  if (features.answered.has(info.fieldNodes)) return;
  features.used(pathOf(info), marks);
  features.answered.add(info.fieldNodes);
}

type Telling = (answer: unknown, ctx: Operation, info: GraphQLResolveInfo) => unknown;

/** What is looked at once a field has answered; undefined if that is nothing. */
function telling(name: string, field: Field, marks: readonly FeatureMark[]): Telling | undefined {
  const misuseOf = field.extensions.misuseOf as ((answer: unknown) => Refusal | undefined) | undefined;
  const isMetered = marks.some(({ consumeQuota }) => consumeQuota);
  const isPromised = isNonNullType(field.type);
  if (!isMetered && misuseOf === undefined && !isPromised) return undefined;
  return (answer: unknown, ctx: Operation, info: GraphQLResolveInfo): unknown => {
    if (isMetered) keepUnits(ctx.features, marks, info);
    if (isPromised && isLost(answer, info)) throw outOfSight(pathOf(info));
    if (misuseOf !== undefined) ctx.noteRefusal(misuseOf(answer), name);
    return answer;
  };
}

/**
 * Wraps a field in what stands before its resolver: permission, values, features, and for a root mutation the transaction.
 * Nothing is made here for each object of a list, no closure and no promise: most marked fields answer at once.
 */
function protectField(typeName: string, field: Field, permission: string | undefined): void {
  const original = field.resolve ?? defaultFieldResolver;
  const marks = marksOf(field);
  if (permission === undefined && marks.length === 0 && field.args.length === 0) return;
  const name = `${typeName}.${field.name}`;
  const leadsNowhere = field.extensions.leadsNowhere as ((source: unknown) => boolean) | undefined;
  const isMutation = typeName === 'Mutation';
  const run = isMutation ? acting(field, original) : original;
  const told = telling(name, field, marks);
  field.resolve = (source, args, ctx, info) => {
    try {
      // Nothing is kept from anybody where there is nothing: a verdict on an unknown key stays an answer.
      if (leadsNowhere?.(source) === true && marks.length === 0) return null;
      if (permission !== undefined) requirePermission(ctx.actor, permission);
      if (field.args.length > 0) checkArguments(field, args);
      if (isMutation) checkPayload(ctx.actor, info);
      if (marks.length > 0) requireFeatures(ctx.features, marks, info);
      const answer = run(source, args, ctx, info);
      if (!isPromise(answer)) return told === undefined ? answer : told(answer, ctx, info);
      const found = told === undefined ? answer : answer.then((each) => told(each, ctx, info));
      return found.then(undefined, (error: unknown) => note(name, ctx, error));
    } catch (error) {
      return note(name, ctx, error);
    }
  };
}

/** A root mutation runs in a transaction: its own, which charges it, or one that it shares with those of others. */
function acting(field: Field, original: Resolve): Resolve {
  const isShared = field.extensions.doneTogether === true;
  return (source, args, ctx, info) => {
    const responseName = pathOf(info);
    const run = async (): Promise<unknown> => {
      const payload: unknown = await original(source, args, ctx, info);
      ctx.requireLeft(costOfPayload(payload, info));
      return payload;
    };
    const act = { responseName, input: args.input, run };
    const charge = (work: Work): Promise<() => void> => ctx.features.chargeRoot(work, responseName);
    return isShared ? ctx.share(act) : ctx.act({ ...act, charge });
  };
}

/** Refusals that are security events are taken down, whatever the answer makes of them. */
function note(name: string, ctx: Operation, error: unknown): never {
  ctx.noteRefusal(error, name);
  throw error;
}

/** Lists that are no pages: how long they are shows when they are there. */
function weighList(type: GraphQLObjectType, field: Field): void {
  if (!isListType(getNullableType(field.type)) || type.getFields().pageInfo !== undefined) return;
  const original = field.resolve ?? defaultFieldResolver;
  field.resolve = (source, args, ctx, info) => {
    const weighed = (found: unknown): unknown => {
      if (Array.isArray(found)) ctx.spend(costOfEntries(found.length, info));
      return found;
    };
    const found: unknown = original(source, args, ctx, info);
    return found instanceof Promise ? found.then(weighed) : weighed(found);
  };
}

/** A subscription is asked for its permission and its values when it begins, before it follows anything. */
function protectStream(typeName: string, field: Field, permission: string | undefined): void {
  const { subscribe } = field;
  if (subscribe === undefined) return;
  field.subscribe = async (source, args, ctx, info) => {
    try {
      if (permission !== undefined) requirePermission(ctx.actor, permission);
      checkArguments(field, args);
      ctx.features.check(pathOf(info), marksOf(field));
      return await subscribe(source, args, ctx, info);
    } catch (error) {
      return note(`${typeName}.${field.name}`, ctx, error);
    }
  };
}

function chargeOf({ consumeQuota, amount, amountFrom }: FeatureMark): string {
  if (!consumeQuota) return '';
  const units = `${amount} ${amount === 1 ? 'unit' : 'units'}`;
  return amountFrom === undefined ? `, ${units} a use` : `, ${units} for each of \`${amountFrom}\``;
}

function describe(field: Field, permission: string | undefined): void {
  const asks = permission === undefined ? [] : [`Permission: \`${permission}\`.`];
  const needs = marksOf(field).map((mark) => {
    return `Feature: \`${mark.feature}\`${chargeOf(mark)}.`;
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
  if (field.extensions.doneTogether === true && marksOf(field).length > 0)
    problems.push(
      `${typeName}.${field.name}: has no transaction of its own that @requiresFeature could charge in`,
    );
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
      weighList(type, field);
      protectField(type.name, field, permission);
      protectStream(type.name, field, permission);
      describe(field, permission);
    }
  }
  if (problems.length > 0) throw new Error(`the schema cannot be enforced:\n  ${problems.join('\n  ')}`);
  return schema;
}
