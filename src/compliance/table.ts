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
  varchar,
} from 'drizzle-orm/pg-core';
import { customers } from '../access/table.js';
import { idColumn, instantColumn, madeAndChanged, oneOf, tenantColumn } from '../core/columns.js';
import { licenses } from '../licenses/table.js';
import {
  auditScopes,
  auditStatuses,
  auditTypes,
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
    evidence: jsonb('evidence').notNull().default([]),
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
