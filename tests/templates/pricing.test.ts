import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mutation, refusedAct, refusedFields } from '../support/acts.js';
import { openShop, type Shop } from '../support/fixtures.js';
import { type Json, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
});
afterAll(() => server.stop());

const pricing = { basePrice: '299', currency: 'USD', billingCycle: 'ANNUALLY' };
const basics = () => ({
  templateName: 'Enterprise',
  productId: shop.productId,
  licenseType: 'SUBSCRIPTION',
  licenseModel: 'PER_SEAT',
  pricing,
});
const selection = `pricing { basePrice currency billingCycle perSeatPrice setupFee maintenancePercentage
  volumeDiscounts { minQuantity maxQuantity discountPercentage discountAmount } }`;

async function create(input: object): Promise<Json> {
  const query = mutation('createTemplate', `template { ${selection} }`);
  const data = await server.ok(query, { input: { ...basics(), ...input } }, shop.admin);
  const template = data.createTemplate?.template;
  if (template === undefined) throw new Error('no template was made');
  return template;
}

const wrongFields = (input: object) =>
  refusedFields(server, shop.admin, 'createTemplate', { ...basics(), ...input });

const discount = { minQuantity: 10, maxQuantity: 49, discountPercentage: '10' };
const priced = (more: object) => ({ pricing: { ...pricing, ...more } });

test('amounts are exact, and answered in their shortest form', async () => {
  const prices = { ...pricing, basePrice: 0.1, perSeatPrice: '100.5000', setupFee: '49.99' };

  const { pricing: kept } = await create({ pricing: prices });

  expect(kept).toMatchObject({ basePrice: '0.1', perSeatPrice: '100.5', setupFee: '49.99' });
});

test('tiers without an end go on to where the next begins, and beside each other', async () => {
  const volumeDiscounts = [
    { minQuantity: 50, maxQuantity: null, discountPercentage: '20', discountAmount: null },
    { minQuantity: 10, maxQuantity: null, discountPercentage: '10', discountAmount: null },
    { minQuantity: 5, maxQuantity: 9, discountPercentage: '5', discountAmount: '2.5' },
  ];

  expect((await create(priced({ volumeDiscounts }))).pricing).toMatchObject({ volumeDiscounts });
});

describe('a price that does not fit is refused, every wrong field named', () => {
  test.each<[string, object, string[]]>([
    ['a price below zero', priced({ basePrice: '-0.01' }), ['input.pricing.basePrice']],
    [
      'amounts below zero',
      priced({ perSeatPrice: '-1', setupFee: '-1', maintenancePercentage: '-1' }),
      ['input.pricing.perSeatPrice', 'input.pricing.setupFee', 'input.pricing.maintenancePercentage'],
    ],
    ['a currency in lower case', priced({ currency: 'usd' }), ['input.pricing.currency']],
    ['a currency that is none', priced({ currency: 'ABC' }), ['input.pricing.currency']],
    ['a currency of four letters', priced({ currency: 'USDT' }), ['input.pricing.currency']],
    [
      'a discount for no quantity',
      priced({ volumeDiscounts: [{ ...discount, minQuantity: 0 }] }),
      ['input.pricing.volumeDiscounts.0.minQuantity'],
    ],
    [
      'a discount that ends before it begins',
      priced({ volumeDiscounts: [discount, { ...discount, minQuantity: 60, maxQuantity: 59 }] }),
      ['input.pricing.volumeDiscounts.1.maxQuantity'],
    ],
    [
      'a discount of over 100 per cent',
      priced({ volumeDiscounts: [{ ...discount, discountPercentage: '100.01' }] }),
      ['input.pricing.volumeDiscounts.0.discountPercentage'],
    ],
    [
      'a discount below zero',
      priced({ volumeDiscounts: [{ ...discount, discountPercentage: '-1', discountAmount: '-1' }] }),
      [
        'input.pricing.volumeDiscounts.0.discountPercentage',
        'input.pricing.volumeDiscounts.0.discountAmount',
      ],
    ],
    ['cents of a yen', priced({ currency: 'JPY', basePrice: '9.5' }), ['input.pricing.basePrice']],
    [
      'amounts with more digits than their currency has',
      priced({
        basePrice: '0.001',
        perSeatPrice: '0.0001',
        setupFee: '1.999',
        volumeDiscounts: [{ ...discount, discountAmount: '0.005' }],
      }),
      [
        'input.pricing.basePrice',
        'input.pricing.perSeatPrice',
        'input.pricing.setupFee',
        'input.pricing.volumeDiscounts.0.discountAmount',
      ],
    ],
    [
      'maintenance of more than the price',
      priced({ maintenancePercentage: '100.0001' }),
      ['input.pricing.maintenancePercentage'],
    ],
    [
      'two discounts that begin together',
      priced({ volumeDiscounts: [discount, { ...discount, maxQuantity: null }] }),
      ['input.pricing.volumeDiscounts.1.minQuantity'],
    ],
    [
      'a discount that goes on behind the beginning of the next, in whichever order they stand',
      priced({ volumeDiscounts: [{ ...discount, minQuantity: 49, maxQuantity: null }, discount] }),
      ['input.pricing.volumeDiscounts.1.maxQuantity'],
    ],
    [
      '51 discounts',
      priced({ volumeDiscounts: Array(51).fill(discount) }),
      ['input.pricing.volumeDiscounts'],
    ],
  ])('%s', async (_, input, fields) => {
    expect(await wrongFields(input)).toEqual(fields);
  });

  test.each([
    ['five digits behind the point', '1.00001'],
    ['sixteen digits before it', '1000000000000000'],
    ['no number', 'free'],
    ['an exponent', '1e3'],
    ['infinity', 'Infinity'],
  ])('an amount with %s', async (_, basePrice) => {
    const input = { ...basics(), pricing: { ...pricing, basePrice } };

    const error = await refusedAct(server, shop.admin, 'createTemplate', input, 'BAD_USER_INPUT');

    expect(error.message).toContain('input.pricing.basePrice');
  });
});
