import 'reflect-metadata';
import { printSchemaWithDirectives } from '@graphql-tools/utils';
import { type GraphQLSchema, specifiedDirectives } from 'graphql';
import { buildSchemaSync } from 'type-graphql';
import { ApiKeyEdges, ApiKeyResolver } from '../access/resolver/apiKeys.js';
import { SettingsResolver } from '../access/resolver/settings.js';
import * as access from '../access/resolver.js';
import { ApiKeyConnectionResolver } from '../access/schema/apiKeys.js';
import {
  CustomerConnectionResolver,
  ResellerConnectionResolver,
  TenantConnectionResolver,
} from '../access/schema.js';
import { BlacklistedDeviceEdges, DeviceResolver } from '../activations/resolver/devices.js';
import * as leases from '../activations/resolver/leases.js';
import { OfflineDocumentFields, OfflineMutations } from '../activations/resolver/offline.js';
import { ActivationStreams } from '../activations/resolver/streams.js';
import { ValidationEdges, ValidationQueries } from '../activations/resolver/validations.js';
import * as activations from '../activations/resolver.js';
import { BlacklistedDeviceConnectionResolver } from '../activations/schema/devices.js';
import { ActivationConnectionResolver } from '../activations/schema.js';
import * as analytics from '../analytics/resolver.js';
import { EventStreams } from '../audit/resolver/stream.js';
import { EventPersonalData, TrailResolver } from '../audit/resolver/trail.js';
import * as audit from '../audit/resolver.js';
import { AuditCheckpointConnectionResolver } from '../audit/schema/trail.js';
import { EventConnectionResolver } from '../audit/schema.js';
import { CloseInboundResolver, UnclaimedWebhookEdges } from '../billing/resolver/closeInbound.js';
import { InboundResolver, InboundWebhookEdges, PaymentEndpointFields } from '../billing/resolver/inbound.js';
import * as renewals from '../billing/resolver/renewals.js';
import * as billing from '../billing/resolver.js';
import { UnclaimedWebhookConnectionResolver } from '../billing/schema/closeInbound.js';
import {
  InboundWebhookConnectionResolver,
  PaymentEndpointConnectionResolver,
} from '../billing/schema/inbound.js';
import { InvoiceConnectionResolver, PaymentConnectionResolver } from '../billing/schema/invoice.js';
import { ViolationStreams } from '../compliance/resolver/streams.js';
import { IncidentResolver, SecurityIncidentEdges } from '../compliance/resolver.js';
import { SecurityIncidentConnectionResolver } from '../compliance/schema.js';
import { QuotaStreams } from '../entitlements/resolver/streams.js';
import * as entitlements from '../entitlements/resolver.js';
import { JobResolver } from '../jobs/resolver.js';
import * as bulk from '../licenses/resolver/bulkIssue.js';
import { LicenseCertificateEdges, LicenseIntegrityResolver } from '../licenses/resolver/integrity.js';
import { LicenseStreams } from '../licenses/resolver/streams.js';
import * as licenses from '../licenses/resolver.js';
import {
  BulkIssueConnectionResolver,
  BulkIssueResultConnectionResolver,
} from '../licenses/schema/bulkIssue.js';
import { LicenseConnectionResolver } from '../licenses/schema/types.js';
import { NotificationEdges, NotificationResolver } from '../notifications/resolver/mail.js';
import * as webhooks from '../notifications/resolver/webhooks.js';
import { NotificationConnectionResolver } from '../notifications/schema/mail.js';
import {
  WebhookDeliveryConnectionResolver,
  WebhookEndpointConnectionResolver,
} from '../notifications/schema/webhooks.js';
import { OrderMutations } from '../orders/resolver/acts.js';
import * as pools from '../orders/resolver/pools.js';
import { OrderStreams } from '../orders/resolver/streams.js';
import * as upgrades from '../orders/resolver/upgrades.js';
import * as orders from '../orders/resolver.js';
import { LicensePoolConnectionResolver, PoolAllocationConnectionResolver } from '../orders/schema/pools.js';
import { UpgradeConnectionResolver } from '../orders/schema/upgrades.js';
import { OrderConnectionResolver } from '../orders/schema.js';
import { requiresFeatureDirective } from '../sdk/directive/marks.js';
import * as templates from '../templates/resolver.js';
import { ProductConnectionResolver, TemplateConnectionResolver } from '../templates/schema/types.js';
import { protectSchema } from './operation/protectSchema.js';

/** Every stream brings a `subscribe` of its own, on the log; TypeGraphQL asks for a bus all the same. */
const noPubSub = {
  publish: (): void => {
    throw new Error('events go into the log, not over a bus');
  },
  subscribe: (): never => {
    throw new Error('streams read the log, not a bus');
  },
};

/** What keeps devices out, and what is found of whoever gets in all the same. */
const guarding = [
  BlacklistedDeviceConnectionResolver,
  BlacklistedDeviceEdges,
  DeviceResolver,
  IncidentResolver,
  SecurityIncidentConnectionResolver,
  SecurityIncidentEdges,
  LicenseCertificateEdges,
  LicenseIntegrityResolver,
] as const;

/** Many licenses at once: lists, and pools of resellers. */
const inBulk = [
  bulk.BulkIssueEdges,
  bulk.BulkIssueResolver,
  bulk.BulkIssueResultEdges,
  bulk.IssuedResultEdges,
  BulkIssueConnectionResolver,
  BulkIssueResultConnectionResolver,
  pools.LicensePoolEdges,
  pools.LicensePoolOfLicense,
  pools.LicensePoolResolver,
  pools.PoolAllocationEdges,
  pools.ResellerPoolEdges,
  LicensePoolConnectionResolver,
  PoolAllocationConnectionResolver,
] as const;

/** What is told as it happens. */
const streams = [
  ActivationStreams,
  EventStreams,
  LicenseStreams,
  OrderStreams,
  QuotaStreams,
  ViolationStreams,
] as const;
/** Whom events are told to, and what payment processors tell. */
const telling = [
  webhooks.WebhookDeliveryEdges,
  webhooks.WebhookEndpointEdges,
  webhooks.WebhookResolver,
  WebhookDeliveryConnectionResolver,
  WebhookEndpointConnectionResolver,
  InboundResolver,
  CloseInboundResolver,
  UnclaimedWebhookEdges,
  UnclaimedWebhookConnectionResolver,
  InboundWebhookEdges,
  InboundWebhookConnectionResolver,
  PaymentEndpointFields,
  PaymentEndpointConnectionResolver,
] as const;

/** What tenants set for themselves, and what is told of by mail. */
const mailing = [
  NotificationConnectionResolver,
  NotificationEdges,
  NotificationResolver,
  SettingsResolver,
] as const;

/** What happened. */
const trail = [
  audit.ApiKeyEventEdges,
  audit.CustomerEventEdges,
  audit.EventResolver,
  audit.ResellerEventEdges,
  AuditCheckpointConnectionResolver,
  EventPersonalData,
  TrailResolver,
] as const;

/** What is to be paid, and what was. */
const paying = [
  billing.CustomerInvoiceEdges,
  billing.InvoiceEdges,
  billing.InvoiceQueries,
  billing.LicenseInvoiceEdges,
  billing.PaymentEdges,
  billing.PaymentMutations,
  billing.ResellerInvoiceEdges,
  InvoiceConnectionResolver,
  PaymentConnectionResolver,
] as const;

/** How what was bought goes on. */
const renewing = [
  renewals.CustomerPaymentEdges,
  renewals.LicenseRenewalEdges,
  renewals.RenewalEdges,
  renewals.RenewalMutations,
] as const;

/** What can be sold. */
const selling = [
  templates.ProductEdges,
  templates.TemplateEdges,
  templates.TemplateResolver,
  ProductConnectionResolver,
  TemplateConnectionResolver,
] as const;

/** The whole graph, with its guards. */
export function createSchema(): GraphQLSchema {
  const schema = buildSchemaSync({
    resolvers: [
      ...guarding,
      ...inBulk,
      ...selling,
      ...mailing,
      ...paying,
      ...renewing,
      ...streams,
      ...telling,
      ...trail,
      JobResolver,
      access.AccessResolver,
      ApiKeyEdges,
      ApiKeyResolver,
      ApiKeyConnectionResolver,
      TenantConnectionResolver,
      access.CustomerEdges,
      access.ResellerEdges,
      access.ViewerEdges,
      activations.ActivationEdges,
      activations.ActivationMutations,
      activations.ActivationQueries,
      OfflineDocumentFields,
      OfflineMutations,
      activations.LicenseActivationEdges,
      activations.HeartbeatEdges,
      ValidationEdges,
      ValidationQueries,
      leases.LeaseFields,
      leases.AllowanceFields,
      leases.LeaseMutations,
      analytics.ExportMutations,
      analytics.LicenseAnalyticsEdges,
      entitlements.EntitlementResolver,
      entitlements.FieldVerdictEdges,
      entitlements.UseVerdictEdges,
      licenses.CustomerLicenseEdges,
      licenses.LicenseEdges,
      licenses.LicenseMutations,
      licenses.LicenseQueries,
      licenses.ProductLicenseEdges,
      licenses.ResellerLicenseEdges,
      licenses.TemplateLicenseEdges,
      orders.CustomerOrderEdges,
      orders.InvoiceOrderEdges,
      orders.LicenseOrderEdges,
      ...Object.values({ ...upgrades, UpgradeConnectionResolver }),
      orders.OrderEdges,
      orders.OrderQueries,
      orders.ResellerOrderEdges,
      OrderMutations,
      ActivationConnectionResolver,
      CustomerConnectionResolver,
      EventConnectionResolver,
      LicenseConnectionResolver,
      OrderConnectionResolver,
      ResellerConnectionResolver,
    ],
    // What is given here replaces GraphQL's own: @skip and @include have to be named with it.
    pubSub: noPubSub,
    directives: [...specifiedDirectives, requiresFeatureDirective],
    validate: false,
    // It would run the whole introspection query to find what Apollo's own check of the schema finds at the start.
    skipCheck: true,
  });
  return protectSchema(schema);
}

/** The text of schema.graphql, with the directives where they are applied. */
export function printedSchema(schema: GraphQLSchema): string {
  return `${printSchemaWithDirectives(schema)}\n`;
}
