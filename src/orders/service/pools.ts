import { and, eq } from 'drizzle-orm';
import { resellerInactive, resellerNotFound } from '../../access/model.js';
import { shareReseller } from '../../access/queries.js';
import { changesOf, namesOf, requireWholeTenant } from '../../access/service.js';
import { latest } from '../../core/clock.js';
import { changeTold } from '../../core/event.js';
import { newId } from '../../core/id.js';
import { type FieldProblem, invalidInput } from '../../core/refusal.js';
import type { Work } from '../../core/work.js';
import { templateInactive, templateNotFound } from '../../templates/model.js';
import { shareTemplate } from '../../templates/queries.js';
import { requireOnSale } from '../../templates/service.js';
import { poolNotFound } from '../model/pools.js';
import { type OrderTerms, termsOf } from '../model/terms.js';
import { isFulfillable, orderNotFound, orderNotPaid } from '../model.js';
import { hasPool, lockPool } from '../queries/pools.js';
import { licensesOfOrder } from '../queries/progress.js';
import { lockOrder } from '../queries.js';
import type { CreateLicensePoolInput, UpdateLicensePoolInput } from '../schema/pools.js';
import { type LicensePool, licensePools } from '../table/pools.js';
import type { Order } from '../table.js';
import { fulfilled } from './fulfilled.js';

async function requireReseller(work: Work, id: string): Promise<void> {
  const reseller = await shareReseller(work, id);
  if (reseller === undefined) throw resellerNotFound(id);
  if (reseller.status !== 'ACTIVE') throw resellerInactive(id);
}

/** The template as it is now: what becomes of it afterwards does not reach the pool. */
async function presentTerms(work: Work, templateId: string): Promise<OrderTerms> {
  const template = await shareTemplate(work, templateId);
  if (template === undefined) throw templateNotFound(templateId);
  if (!template.active) throw templateInactive(templateId);
  const product = await requireOnSale(work, template.productId);
  return termsOf(template, product, {}, true).terms;
}

type PaidPool = CreateLicensePoolInput & { readonly orderId: string };

/** Whatever of a pool is not what its order has paid for. */
async function unpaidProblems(work: Work, order: Order, input: PaidPool): Promise<FieldProblem[]> {
  const field = 'input.orderId';
  const rules: readonly [boolean, string, string][] = [
    [order.resellerId === input.resellerId, field, 'is an order of another reseller'],
    [order.customerId === null, field, 'is an order for one customer, who is given its licenses'],
    [!order.isRenewal, field, 'renews licenses'],
    [order.templateId === input.templateId, 'input.templateId', 'is not what the order has paid for'],
    [order.quantity === input.size, 'input.size', `the order has paid for ${order.quantity}`],
    [!(await hasPool(work, order.id)), field, 'has paid for another pool'],
    [(await licensesOfOrder(work, order.id)) === 0, field, 'has made licenses of its own'],
  ];
  return rules.flatMap(([holds, at, message]) => (holds ? [] : [{ field: at, message }]));
}

/** An order that pays for a pool is fulfilled by it: on the terms that were ordered, and without licenses beside those. */
async function payingOrder(work: Work, input: PaidPool): Promise<Order> {
  const order = await lockOrder(work, input.orderId);
  if (order === undefined) throw orderNotFound(input.orderId);
  const problems = await unpaidProblems(work, order, input);
  if (problems.length > 0) throw invalidInput(problems);
  if (order.status === 'APPROVED' && !isFulfillable(order)) throw orderNotPaid(order.paymentStatus);
  return order;
}

export async function createLicensePool(work: Work, input: CreateLicensePoolInput): Promise<LicensePool> {
  requireWholeTenant(work, 'pool.create');
  const { orderId, expiresAt = null } = input;
  if (expiresAt !== null && expiresAt <= work.now)
    throw invalidInput([{ field: 'input.expiresAt', message: 'must lie in the future' }]);
  const order = orderId ? await payingOrder(work, { ...input, orderId }) : undefined;
  await requireReseller(work, input.resellerId);
  const terms = order?.terms ?? (await presentTerms(work, input.templateId));
  const [pool] = await work.db
    .insert(licensePools)
    .values({
      tenantId: work.tenantId,
      id: newId<'LicensePool'>(work.now),
      name: input.name,
      resellerId: input.resellerId,
      templateId: input.templateId,
      orderId: order?.id ?? null,
      terms,
      size: input.size,
      returnsOnRevoke: input.returnsOnRevoke,
      expiresAt,
      createdAt: work.now,
      updatedAt: work.now,
    })
    .returning();
  if (pool === undefined) throw new Error('an insert returned no row');
  const { resellerId, templateId, size } = pool;
  const data = { reseller_id: resellerId, template_id: templateId, size, order_id: pool.orderId };
  await work.emit({ type: 'pool.created', subjectId: pool.id, data });
  if (order !== undefined) await fulfilled(work, order);
  return pool;
}

function sizeProblem(pool: LicensePool, size: number | undefined): string | undefined {
  if (size === undefined) return undefined;
  if (size < pool.allocated) return `${pool.allocated} are allocated already`;
  // What was paid for may be given back, and is not made more by saying so.
  return pool.orderId !== null && size > pool.size ? 'was paid for by an order; sell another one' : undefined;
}

export async function updateLicensePool(work: Work, input: UpdateLicensePoolInput): Promise<LicensePool> {
  requireWholeTenant(work, 'pool.update');
  const pool = await lockPool(work, input.poolId);
  if (pool === undefined) throw poolNotFound(input.poolId);
  const changes = changesOf(input, ['name', 'size', 'returnsOnRevoke', 'expiresAt']);
  const message = sizeProblem(pool, changes.size);
  if (message !== undefined) throw invalidInput([{ field: 'input.size', message }]);
  const [row] = await work.db
    .update(licensePools)
    .set({ ...changes, updatedAt: latest(pool.updatedAt, work.now) })
    .where(and(eq(licensePools.tenantId, work.tenantId), eq(licensePools.id, pool.id)))
    .returning();
  if (row === undefined) throw poolNotFound(input.poolId);
  await work.emit({ type: 'pool.updated', subjectId: row.id, ...changeTold(pool, row, namesOf(changes)) });
  return row;
}
