import type { Work } from '../../core/work.js';
import { bulkIssuesById } from '../../licenses/queries/bulkIssues.js';
import { isFulfillable } from '../../orders/model.js';
import { ordersById } from '../../orders/queries.js';
import { templatesById } from '../../templates/queries.js';
import { customerOf, type Drafter, numberIn, textIn } from './drafter.js';

async function productOf(work: Work, templateId: string): Promise<string> {
  return (await templatesById(work, [templateId])).get(templateId)?.templateName ?? '';
}

/**
 * An order that was given up waits for a person of the vendor's. One that was begun again since, or cancelled or paid back,
 * waits for nobody; if it is given up once more, that is another fact.
 */
export const orderStopped: Drafter = async (work, { subjectId, eventData, createdAt, id }) => {
  const order = (await ordersById(work, [subjectId])).get(subjectId);
  if (order === undefined || order.fulfillmentStoppedAt === null || !isFulfillable(order)) return undefined;
  const facts = {
    orderNumber: order.orderNumber,
    productName: await productOf(work, order.templateId),
    customerName: (await customerOf(work, order.customerId))?.name ?? null,
    quantity: order.quantity,
    made: numberIn(eventData, 'made') ?? 0,
    stoppedAt: createdAt,
    code: textIn(eventData, 'code'),
  };
  return {
    kind: 'ORDER_STOPPED',
    facts,
    audiences: ['staff'],
    about: id,
    customer: undefined,
    licenseId: null,
  };
};

/** The same for a list; whom its licenses are for is not told: their mails tell each of them. */
export const bulkIssueFailed: Drafter = async (work, { subjectId, eventData, createdAt, id }) => {
  const bulk = (await bulkIssuesById(work, [subjectId])).get(subjectId);
  if (bulk?.status !== 'FAILED') return undefined;
  const facts = {
    bulkIssueId: bulk.id,
    issued: numberIn(eventData, 'issued') ?? 0,
    refused: numberIn(eventData, 'refused') ?? 0,
    waiting: numberIn(eventData, 'waiting') ?? 0,
    stoppedAt: createdAt,
    code: textIn(eventData, 'code'),
  };
  return {
    kind: 'BULK_ISSUE_FAILED',
    facts,
    audiences: ['staff'],
    about: id,
    customer: undefined,
    licenseId: null,
  };
};
