import type { TenantId } from '../../core/id.js';
import { type Amount, parseAmount } from '../../core/money.js';
import type {
  BillingCycle,
  LicenseFeature,
  LicenseModel,
  LicenseType,
  LimitPeriod,
  LimitType,
  Pricing,
  TemplateFeature,
} from '../../templates/model.js';

/** A product of the price list, with a template for each billing cycle that it is sold in. */
export interface DemoProduct {
  readonly code: string;
  readonly name: string;
  readonly licenseType: LicenseType;
  readonly licenseModel: LicenseModel;
  readonly days: number;
  readonly activations: number;
  readonly trialDays: number | null;
  readonly graceDays: number;
  readonly features: readonly TemplateFeature[];
  readonly prices: readonly Pricing[];
}

export interface DemoTenant {
  readonly id: TenantId;
  readonly name: string;
  readonly products: readonly DemoProduct[];
  /** What the tenant's own license, which belongs to no customer, grants: some features, and not others. */
  readonly grants: readonly LicenseFeature[];
}

type Limit = readonly [value: number, type?: LimitType, period?: LimitPeriod];

function words(id: string): string {
  return id.replaceAll('_', ' ').replace(/\b[a-z]/g, (letter) => letter.toUpperCase());
}

function feature(featureId: string, limit?: Limit, included = true): TemplateFeature {
  const [defaultLimit = null, limitType = null, limitPeriod = 'NONE'] = limit ?? [];
  const shape = {
    featureId,
    featureName: words(featureId),
    included,
    configurable: limit !== undefined,
    required: false,
  };
  return {
    ...shape,
    defaultLimit,
    limitType: limit === undefined ? null : (limitType ?? 'COUNT'),
    limitPeriod,
    overage: 'DENY',
  };
}

function amount(value: number): Amount {
  const read = parseAmount(value);
  if (read === undefined) throw new Error(`${value} is no amount`);
  return read;
}

function price(basePrice: number, billingCycle: BillingCycle, setupFee: number): Pricing {
  return {
    basePrice: amount(basePrice),
    currency: 'USD',
    billingCycle,
    perSeatPrice: null,
    setupFee: setupFee === 0 ? null : amount(setupFee),
    maintenancePercentage: null,
    volumeDiscounts: [],
  };
}

function monthAndYear(month: number, year: number, setupFee: number): Pricing[] {
  return [price(year, 'ANNUALLY', setupFee), price(month, 'MONTHLY', setupFee)];
}

const isp: readonly DemoProduct[] = [
  {
    code: 'ISP-STARTER-001',
    name: 'Starter ISP License',
    licenseType: 'SUBSCRIPTION',
    licenseModel: 'PER_SEAT',
    days: 365,
    activations: 1,
    trialDays: 30,
    graceDays: 15,
    features: [
      feature('internet_access', [50, 'BANDWIDTH']),
      feature('customer_portal'),
      feature('basic_support'),
    ],
    prices: monthAndYear(39.99, 399.99, 49.99),
  },
  {
    code: 'ISP-PRO-001',
    name: 'Professional ISP License',
    licenseType: 'SUBSCRIPTION',
    licenseModel: 'PER_SEAT',
    days: 365,
    activations: 5,
    trialDays: 14,
    graceDays: 30,
    features: [
      feature('radius_aaa'),
      feature('internet_access', [200, 'BANDWIDTH']),
      feature('static_ip', [1, 'COUNT']),
      feature('customer_portal'),
      feature('priority_support'),
      feature('sla_99_5'),
      feature('usage_analytics'),
    ],
    prices: monthAndYear(299, 2990, 99.99),
  },
  {
    code: 'ISP-ENT-001',
    name: 'Enterprise ISP License',
    licenseType: 'CONCURRENT',
    licenseModel: 'PER_SEAT',
    days: 365,
    activations: 50,
    trialDays: null,
    graceDays: 30,
    features: [
      feature('internet_access', [1000, 'BANDWIDTH']),
      feature('static_ip', [5, 'COUNT']),
      feature('dedicated_support'),
      feature('sla_99_9'),
      feature('usage_analytics'),
      feature('sd_wan'),
      feature('failover'),
      feature('vpn', [50, 'COUNT']),
    ],
    prices: monthAndYear(299.99, 2999.99, 499.99),
  },
  {
    code: 'ISP-FIBER-001',
    name: 'Residential Fiber License',
    licenseType: 'SUBSCRIPTION',
    licenseModel: 'PER_DEVICE',
    days: 365,
    activations: 10,
    trialDays: 30,
    graceDays: 15,
    features: [
      feature('internet_access', [500, 'BANDWIDTH']),
      feature('symmetrical_upload', [500, 'BANDWIDTH']),
      feature('unlimited_data'),
      feature('wifi_management'),
      feature('parental_controls'),
    ],
    prices: monthAndYear(79.99, 799.99, 0),
  },
];

const networkManagement: Pricing = {
  ...price(299, 'ANNUALLY', 0),
  perSeatPrice: amount(29),
  maintenancePercentage: amount(20),
  volumeDiscounts: [
    { minQuantity: 10, maxQuantity: 49, discountPercentage: amount(10), discountAmount: null },
    { minQuantity: 50, maxQuantity: 99, discountPercentage: amount(20), discountAmount: null },
    { minQuantity: 100, maxQuantity: null, discountPercentage: amount(30), discountAmount: null },
  ],
};

const nms: readonly DemoProduct[] = [
  {
    code: 'NMS-ENT',
    name: 'Enterprise Network Management',
    licenseType: 'SUBSCRIPTION',
    licenseModel: 'PER_SEAT',
    days: 365,
    activations: 50,
    trialDays: 30,
    graceDays: 15,
    features: [
      feature('analytics_dashboard', [10, 'COUNT']),
      feature('analytics_advanced', [1000, 'COUNT']),
      feature('api_access', [10_000, 'COUNT', 'DAY']),
      feature('graphql_api'),
      feature('premium_support', undefined, false),
    ],
    prices: [networkManagement],
  },
  {
    code: 'NMS-SMB',
    name: 'SMB Network Essentials',
    licenseType: 'TRIAL',
    licenseModel: 'PER_DEVICE',
    days: 30,
    activations: 25,
    trialDays: 14,
    graceDays: 7,
    features: [feature('analytics_dashboard'), feature('wireless_mgmt')],
    prices: [price(99, 'MONTHLY', 0)],
  },
];

function granted(featureId: string, limit?: Limit): LicenseFeature {
  const { featureName, defaultLimit, limitType, limitPeriod } = feature(featureId, limit);
  return {
    featureId,
    featureName,
    enabled: true,
    limitValue: defaultLimit,
    limitType,
    limitPeriod,
    overage: 'DENY',
    expiresAt: null,
  };
}

export const demoTenants: readonly DemoTenant[] = [
  {
    id: 'demo-isp' as TenantId,
    name: 'Northwind Internet',
    products: isp,
    grants: [
      granted('analytics_dashboard'),
      granted('api_access', [10_000, 'COUNT', 'DAY']),
      granted('bulk_export', [3, 'COUNT', 'MONTH']),
      granted('staff_users', [10, 'COUNT']),
      granted('active_subscribers', [5_000, 'COUNT']),
      granted('api_calls_monthly', [100_000, 'COUNT', 'MONTH']),
      granted('storage_gb', [100, 'SIZE']),
      granted('support_tickets_monthly', [20, 'COUNT', 'MONTH']),
    ],
  },
  {
    id: 'demo-nms' as TenantId,
    name: 'Contoso Networks',
    products: nms,
    grants: [
      granted('analytics_dashboard', [10, 'COUNT']),
      granted('analytics_advanced', [1000, 'COUNT']),
      granted('graphql_api'),
    ],
  },
];
