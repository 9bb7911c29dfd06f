/**
 * ISO 4217, the codes that money is paid in today, by their minor units. A list of our own: the platform's
 * (`Intl.supportedValuesOf`) has the marks of the past and metals beside them, differs between its versions, and gives
 * the digits that people write, which for the Iraqi dinar or the forint are others than those that are charged.
 */
const codesByMinorUnits: Readonly<Record<number, string>> = {
  0: 'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF',
  2: `AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY
    COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS
    INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR
    MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP
    STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG`,
  3: 'BHD IQD JOD KWD LYD OMR TND',
  4: 'CLF UYW',
};

const minorUnits: ReadonlyMap<string, number> = new Map(
  Object.entries(codesByMinorUnits).flatMap(([digits, codes]) =>
    codes.split(/\s+/).map((code): [string, number] => [code, Number(digits)]),
  ),
);

export function isCurrency(code: string): boolean {
  return minorUnits.has(code);
}

/** Digits behind the point of the smallest amount that is paid: 2 for the cent, 0 for the yen, 3 for the fils. */
export function minorUnitsOf(currency: string): number {
  return minorUnits.get(currency) ?? 2;
}
