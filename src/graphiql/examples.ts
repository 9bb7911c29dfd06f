/** What one could ask, ready to run. Each is valid against the schema and runs on the demo tenants: a test holds it. */
import type { Example, Facts } from './example.js';
import { selling } from './selling.js';

/** Stands where nothing is known of the tenant: it says what to put there. */
const unknown: Facts = {
  customerId: '(the id of a customer)',
  templateId: '(the id of a template)',
  licenseId: '(the id of a license)',
  licenseKey: '(a license key)',
};

/** An example as GraphiQL's editors take it. */
export function textsOf(
  { query, variables }: Example,
  facts: Facts = unknown,
): { readonly query: string; readonly variables: string } {
  return { query, variables: variables === undefined ? '' : JSON.stringify(variables(facts), null, 2) };
}

export const examples: readonly Example[] = [
  {
    group: 'Look',
    title: 'Who am I?',
    query: `query WhoAmI {
  viewer {
    subject
    tenant { id name }
    permissions
  }
}
`,
  },
  {
    group: 'Look',
    title: 'Licenses with their devices',
    query: `# One request: licenses, whose they are,
# and the devices that use them.
query Licenses($first: Int! = 10) {
  licenses(
    first: $first
    sort: { field: EXPIRY_DATE }
  ) {
    totalCount
    nodes {
      licenseKey
      productName
      status
      issuedTo
      expiryDate
      currentActivations
      maxActivations
      customer { name }
      activations(first: 5) {
        nodes {
          status
          operatingSystem
          lastHeartbeat
        }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}
`,
    variables: () => ({ first: 10 }),
  },
  {
    group: 'Look',
    title: 'The catalogue',
    query: `query Catalogue {
  templates(filter: { active: true }) {
    nodes {
      id
      templateName
      product { id version }
      licenseType
      licenseModel
      maxActivations
      pricing {
        basePrice
        currency
        billingCycle
      }
      features {
        featureId
        included
        defaultLimit
        limitPeriod
      }
    }
  }
}
`,
  },
  {
    group: 'Look',
    title: 'What may I use, and how much is left?',
    query: `query Entitlements {
  entitlements {
    featureId
    limit
    used
    left
    windowEndsAt
  }
  featureFlags { name enabled }
}
`,
  },
  {
    group: 'Look',
    title: 'The audit trail of a license',
    query: `query History($licenseId: ID!) {
  license(id: $licenseId) {
    status
    events(first: 20) {
      nodes { createdAt type actor data }
    }
  }
}
`,
    variables: ({ licenseId }) => ({ licenseId }),
  },
  {
    group: 'Act',
    title: 'Issue a license from a template',
    query: `# The full key is shown now, and later by
# revealLicenseKey only.
mutation Issue($input: IssueLicenseInput!) {
  issueLicense(input: $input) {
    licenseKey
    licenseId
    status
    issuedTo
    expiryDate
    maxActivations
  }
}
`,
    variables: ({ customerId, templateId }) => ({ input: { customerId, templateId } }),
  },
  {
    group: 'Act',
    title: 'Renew a license',
    query: `mutation Renew($input: RenewLicenseInput!) {
  renewLicense(input: $input) {
    license {
      status
      expiryDate
      maintenanceExpiry
    }
  }
}
`,
    variables: ({ licenseId }) => ({ input: { licenseId, durationMonths: 12, extendMaintenance: true } }),
  },
  {
    group: 'Act',
    title: 'Suspend a license',
    query: `# Its devices keep their seats, and come back
# when it is reinstated.
mutation Suspend($input: SuspendLicenseInput!) {
  suspendLicense(input: $input) {
    license { id status suspensionReason }
  }
}
`,
    variables: ({ licenseId }) => ({ input: { licenseId, reason: 'The invoice is overdue' } }),
  },
  {
    group: 'Act',
    title: 'Reinstate a license',
    query: `mutation Reinstate($input: ReinstateLicenseInput!) {
  reinstateLicense(input: $input) {
    license { id status }
  }
}
`,
    variables: ({ licenseId }) => ({ input: { licenseId } }),
  },
  ...selling,
  {
    group: 'A device, without a token',
    title: 'Is this key valid?',
    query: `# A verdict is an answer and not an error:
# try a key of your own invention.
query Validate($licenseKey: String!) {
  validateLicenseKey(licenseKey: $licenseKey) {
    valid
    code
    reasons { code message }
    license {
      productName
      status
      expiryDate
    }
  }
}
`,
    variables: ({ licenseKey }) => ({ licenseKey }),
  },
  {
    group: 'A device, without a token',
    title: 'Activate a device',
    query: `# The same device again takes no second seat;
# another one may find none left.
mutation Activate($input: ActivateLicenseInput!) {
  activateLicense(input: $input) {
    activationToken
    activation { id status }
    license {
      currentActivations
      maxActivations
    }
  }
}
`,
    variables: ({ licenseKey }) => ({
      input: {
        licenseKey,
        deviceFingerprint: 'laptop-1',
        operatingSystem: 'Linux',
        applicationVersion: '1.4.0',
      },
    }),
  },
  {
    group: 'A device, without a token',
    title: 'Send a heartbeat',
    query: `# With the token that activating answered.
mutation Heartbeat($input: SendHeartbeatInput!) {
  sendHeartbeat(input: $input) {
    status
    activation {
      lastHeartbeat
      leaseExpiresAt
      usageMetrics {
        totalRuntimeHours
        apiCallsCount
      }
    }
  }
}
`,
    variables: () => ({
      input: {
        activationToken: '(the token of an activation)',
        metrics: { totalRuntimeHours: 0.25, apiCallsCount: 12 },
      },
    }),
  },
  {
    group: 'As it happens',
    title: 'Changes of licenses',
    query: `# Leave it running, and change a license
# in another tab of the browser.
subscription LicenseChanges {
  licenseChanged {
    sequence
    type
    at
    license {
      id
      status
      issuedTo
      expiryDate
    }
  }
}
`,
  },
  {
    group: 'As it happens',
    title: 'Licenses about to expire',
    query: `subscription Expiring($days: Int!) {
  licenseExpiring(withinDays: $days) {
    daysRemaining
    expiryDate
    license { id productName issuedTo }
  }
}
`,
    variables: () => ({ days: 30 }),
  },
  {
    group: 'Refused',
    title: 'A feature that is not licensed',
    query: `# Northwind's own license grants
# analytics_dashboard, not analytics_advanced:
# one field answers, the other is null.
query Analytics($licenseId: ID!) {
  license(id: $licenseId) {
    analytics {
      totalActivations
      activeActivations
    }
    advancedAnalytics {
      operatingSystems { name count }
    }
  }
}
`,
    variables: ({ licenseId }) => ({ licenseId }),
  },
  {
    group: 'Refused',
    title: 'A quota that runs out',
    query: `# Northwind may export three times a month.
# The fourth answer is QUOTA_EXCEEDED.
mutation Export {
  exportLicenses(input: { format: CSV }) {
    count
    truncated
    content
  }
}
`,
  },
];
