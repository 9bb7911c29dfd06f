import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { expect, test } from 'vitest';
import { accessEvents } from '../../src/access/model.js';
import { activationEvents } from '../../src/activations/model/activation.js';
import { deviceEvents } from '../../src/activations/model/devices.js';
import { emergencyEvents } from '../../src/activations/model/emergency.js';
import { auditEvents } from '../../src/audit/model.js';
import { inboundEvents } from '../../src/billing/model/inbound.js';
import { invoiceEvents } from '../../src/billing/model/invoice.js';
import { renewalEvents } from '../../src/billing/model/renewals.js';
import { incidentEvents } from '../../src/compliance/model/incidents.js';
import { violationEvents } from '../../src/compliance/model/violations.js';
import { type RefusalCode, recordedAs, refusalCodes } from '../../src/core/refusal.js';
import { entitlementEvents } from '../../src/entitlements/model/ledger.js';
import { jobEvents } from '../../src/jobs/model.js';
import { bulkIssueEvents } from '../../src/licenses/model/bulkIssue.js';
import { licenseEvents } from '../../src/licenses/model.js';
import { eventTypes } from '../../src/notifications/model/eventTypes.js';
import { notificationEvents } from '../../src/notifications/model/mail.js';
import { webhookEvents } from '../../src/notifications/model/webhooks.js';
import { poolEvents } from '../../src/orders/model/pools.js';
import { upgradeEvents } from '../../src/orders/model/upgrade.js';
import { orderEvents } from '../../src/orders/model.js';
import { followers } from '../../src/server/events/followers.js';
import { templateEvents } from '../../src/templates/model.js';

const listed: readonly string[] = [
  ...accessEvents,
  ...auditEvents,
  ...templateEvents,
  ...licenseEvents,
  ...bulkIssueEvents,
  ...poolEvents,
  ...activationEvents,
  ...entitlementEvents,
  ...deviceEvents,
  ...emergencyEvents,
  ...incidentEvents,
  ...invoiceEvents,
  ...orderEvents,
  ...upgradeEvents,
  ...inboundEvents,
  ...jobEvents,
  ...notificationEvents,
  ...renewalEvents,
  ...webhookEvents,
];
/** What later acts will emit, and streams tell already. */
const coming: readonly string[] = [...violationEvents];
/** What the door emits of acts that were refused, by their codes. */
const recorded = (Object.keys(refusalCodes) as RefusalCode[]).flatMap((code) => recordedAs(code) ?? []);
const src = join(import.meta.dirname, '../../src');

function nodesOf(node: ts.Node): ts.Node[] {
  const nodes = [node];
  ts.forEachChild(node, (child) => void nodes.push(...nodesOf(child)));
  return nodes;
}

/** The `noun.verb` that a node says an event is: `type: 'license.created'`, or what a call of `eventOf` names. */
function typeSaid(node: ts.Node): string[] {
  const said = ts.isPropertyAssignment(node)
    ? [node.initializer].filter(() => node.name.getText() === 'type')
    : ts.isCallExpression(node) && node.expression.getText() === 'eventOf'
      ? node.arguments
      : [];
  return said
    .flatMap((value) => (ts.isStringLiteral(value) ? value.text : []))
    .filter((text) => /^[a-z_]+\.[a-z_]+$/.test(text));
}

test("every event that an act emits stands in a domain's list, and every one that is listed is emitted", () => {
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('.ts'),
  );

  const emitted = files.flatMap((path) => {
    const text = readFileSync(join(src, path), 'utf8');
    return nodesOf(ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)).flatMap(typeSaid);
  });

  expect([...new Set([...emitted, ...recorded])].toSorted()).toEqual(listed.toSorted());
});

test('what is to come is emitted by nobody yet', () => {
  expect(coming.filter((type) => listed.includes(type) || recorded.some((each) => each === type))).toEqual(
    [],
  );
});

test('a webhook may ask for every event that is listed, and for no other; what operators do is told to none', () => {
  const tenants = listed.filter((type) => !jobEvents.some((each) => each === type));

  expect(eventTypes.toSorted()).toEqual([...tenants, ...coming].toSorted());
});

test('what follows an event follows one that is listed', () => {
  expect(Object.keys(followers).filter((type) => !listed.includes(type))).toEqual([]);
});
