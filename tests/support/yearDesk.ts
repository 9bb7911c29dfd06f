import { mutation } from './acts.js';
import { knock, type Signed } from './inbound.js';
import type { Random } from './random.js';
import type { Answer, Claims, TestServer } from './server.js';
import type { YearBank } from './yearBank.js';
import type { Card, Holder } from './yearCards.js';
import type { Bill } from './yearLedger.js';
import type { Year } from './yearModel.js';
import type { Offer } from './yearPrices.js';

/** Where an act is made: the server that stands now, and the model of what it does. */
export interface YearDesk {
  readonly server: () => TestServer;
  readonly admin: Claims;
  readonly year: Year;
  readonly random: Random;
  readonly holders: readonly Holder[];
  readonly offers: readonly Offer[];
  readonly bank: YearBank;
  /** The queue is looked after, and not the clock: here and in the model, with the refund that was asked for before. */
  readonly work: (isRefundAsked?: boolean) => Promise<void>;
  /** What is to be paid is looked after, with all that is asked for: here and in the model. */
  readonly renew: () => Promise<void>;
}

/** What an act has to answer: undefined where it succeeds, and then the card is changed. */
type Expected = string | undefined;

export interface Act {
  readonly weight: number;
  /** Whom it is done to as a rule, if there are any. */
  readonly prefers?: (card: Card, now: number) => boolean;
  readonly run: (desk: YearDesk, card: Card, now: number) => Promise<void>;
}

export async function ask(desk: YearDesk, name: string, input: object): Promise<Answer> {
  return desk.server().graphql(mutation(name, '__typename'), { input }, desk.admin);
}

/** The act, and the card after it where it has to succeed. */
export async function tried(
  desk: YearDesk,
  name: string,
  input: object,
  expected: Expected,
  change: () => void,
): Promise<void> {
  const { code, errors } = await ask(desk, name, input);
  if (code !== expected)
    throw new Error(`${name} ${JSON.stringify(input)} at ${desk.server().now}: ${code ?? 'done'} instead of
      ${expected ?? 'done'}: ${errors[0]?.message}`);
  if (expected === undefined) change();
}

export async function invoiceOf({ server }: YearDesk, card: Card, bill: Bill): Promise<string> {
  const [row] = await server().sql`select id from invoices where license_id = ${card.id}
    order by created_at, id offset ${card.bills.indexOf(bill)} limit 1`;
  return String(row?.id);
}

async function tells(desk: YearDesk, door: string, signed: Signed): Promise<void> {
  const { status } = await knock(desk.server(), door, signed);
  if (status !== 200) throw new Error(`${door} was answered ${status}`);
}

/** Told by a processor: once, or twice as they do. */
export async function told(desk: YearDesk, door: string, signed: Signed): Promise<void> {
  await tells(desk, door, signed);
  if (desk.random.chance(0.3)) await tells(desk, door, signed);
  await desk.work();
}
