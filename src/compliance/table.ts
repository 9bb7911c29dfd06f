import {
  boolean,
  doublePrecision,
  foreignKey,
  index,
  jsonb,
  numeric,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
  varchar,
} from 'drizzle-orm/pg-core';
import { customers } from '../access/table.js';
import { idColumn, instantColumn, madeAndChanged, oneOf, tenantColumn } from '../core/columns.js';
import { licenses } from '../licenses/table.js';
import {
  activityTypes,
  auditScopes,
  auditStatuses,
  auditTypes,
  incidentSources,
  violationSeverities,
  violationStatuses,
  violationTypes,
} from './model.js';

export const complianceAudits = pgTable(
  'compliance_audits',
  {
    tenantId: tenantColumn(),
    id: idColumn<'ComplianceAudit'>().notNull(),
    auditType: varchar('audit_type', { length: 20, enum: auditTypes }).notNull(),
    customerId: idColumn<'Customer'>('customer_id'),
    productIds: jsonb('product_ids').$type<readonly string[]>().notNull(),
    auditScope: varchar('audit_scope', { length: 20, enum: auditScopes }).notNull(),
    status: varchar('status', { length: 20, enum: auditStatuses }).notNull().default('SCHEDULED'),
    auditorId: varchar('auditor_id', { length: 255 }).notNull(),
    auditDate: instantColumn('audit_date').notNull(),
    findings: jsonb('findings').notNull().default([]),
    violations: jsonb('violations').notNull().default([]),
    /** Null until the audit has run. */
    complianceScore: doublePrecision('compliance_score'),
    recommendations: jsonb('recommendations').notNull().default([]),
    followUpRequired: boolean('follow_up_required').notNull().default(false),
    followUpDate: instantColumn('follow_up_date'),
    reportUrl: varchar('report_url', { length: 500 }),
    completedAt: instantColumn('completed_at'),
    ...madeAndChanged(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.id] }),
    foreignKey({
      columns: [table.tenantId, table.customerId],
      foreignColumns: [customers.tenantId, customers.id],
      name: 'compliance_audits_customer',
    }),
    index('ix_compliance_audits_tenant_customer').on(table.tenantId, table.customerId),
    index('ix_compliance_audits_tenant_status').on(table.tenantId, table.status),
    index('ix_compliance_audits_audit_date').on(table.tenantId, table.auditDate),
    oneOf('compliance_audits_audit_type', table.auditType, auditTypes),
    oneOf('compliance_audits_audit_scope', table.auditScope, auditScopes),
    oneOf('compliance_audits_status', table.status, auditStatuses),
  ],
);

export const complianceViolations = pgTable(
  'compliance_violations',
  {
    tenantId: tenantColumn(),
    id: idColumn<'ComplianceViolation'>().notNull(),
    violationType: varchar('violation_type', { length: 50, enum: violationTypes }).notNull(),
    severity: varchar('severity', { length: 20, enum: violationSeverities }).notNull(),
    licenseId: idColumn<'License'>('license_id'),
    description: text('description').notNull(),
    detectedAt: instantColumn('detected_at').notNull(),
    evidence: jsonb('evidence').$type<readonly string[]>().notNull().default([]),
    financialImpact: numeric('financial_impact', { precision: 19, scale: 4 }),
    resolutionRequired: boolean('resolution_required').notNull().default(true),
    resolutionDeadline: instantColumn('resolution_deadline'),
    status: varchar('status', { length: 20, enum: violationStatuses }).notNull().default('OPEN'),
    resolutionNotes: text('resolution_notes'),
    resolvedAt: instantColumn('resolved_at'),
    ...madeAndChanged(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.id] }),
    foreignKey({
      columns: [table.tenantId, table.licenseId],
      foreignColumns: [licenses.tenantId, licenses.id],
      name: 'compliance_violations_license',
    }),
    index('ix_violations_tenant_license').on(table.tenantId, table.licenseId),
    index('ix_violations_tenant_status').on(table.tenantId, table.status),
    oneOf('compliance_violations_type', table.violationType, violationTypes),
    oneOf('compliance_violations_severity', table.severity, violationSeverities),
    oneOf('compliance_violations_status', table.status, violationStatuses),
  ],
);

/** Suspicious activity, reported or found. It is added to and never changed. */
export const securityIncidents = pgTable(
  'security_incidents',
  {
    tenantId: tenantColumn(),
    id: idColumn<'SecurityIncident'>().notNull(),
    activityType: varchar('activity_type', { length: 30, enum: activityTypes }).notNull(),
    source: varchar('source', { length: 10, enum: incidentSources }).notNull(),
    licenseId: idColumn<'License'>('license_id'),
    /** No foreign key: the archive may have it. */
    activationId: idColumn<'Activation'>('activation_id'),
    description: text('description').notNull(),
    evidence: jsonb('evidence').$type<Record<string, unknown>>().notNull().default({}),
    reportedBy: varchar('reported_by', { length: 255 }),
    /** What was found, of whom and in which window: the same is raised once. */
    windowKey: varchar('window_key', { length: 200 }),
    createdAt: instantColumn('created_at').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.id] }),
    foreignKey({
      columns: [table.tenantId, table.licenseId],
      foreignColumns: [licenses.tenantId, licenses.id],
      name: 'security_incidents_license',
    }),
    uniqueIndex('ux_security_incidents_window').on(table.tenantId, table.windowKey),
    index('ix_security_incidents_created').on(table.tenantId, table.createdAt, table.id),
    index('ix_security_incidents_license').on(table.tenantId, table.licenseId, table.createdAt),
    oneOf('security_incidents_activity_type', table.activityType, activityTypes),
    oneOf('security_incidents_source', table.source, incidentSources),
  ],
);

export type ComplianceViolation = typeof complianceViolations.$inferSelect;
export type SecurityIncident = typeof securityIncidents.$inferSelect;
