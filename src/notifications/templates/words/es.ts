import type { Words } from '../words.js';

export const spanish: Words = {
  greeting: (name) => `Hola, ${name}:`,
  closing: 'Saludos cordiales,',
  labels: {
    activations: 'Activaciones',
    amount: 'Importe',
    autoRenewal: 'Renovación automática',
    customer: 'Cliente',
    description: 'Hallazgo',
    detected: 'Detectada',
    ended: 'Termina',
    expires: 'Vence',
    failed: 'Intento',
    features: 'Funciones',
    fulfilled: 'Completado',
    graceEnds: 'Fin del período de gracia',
    issued: 'Emitida',
    issuedTo: 'Emitida a',
    licenseKey: 'Clave de licencia',
    licenseType: 'Tipo de licencia',
    nextAttempt: 'Próximo intento',
    orderNumber: 'Pedido',
    product: 'Producto',
    quantity: 'Licencias',
    reason: 'Motivo',
    resolveBy: 'Resolver antes del',
    severity: 'Gravedad',
    suspended: 'Suspendida',
    total: 'Total',
    trialEnds: 'Fin de la prueba',
    trialPeriod: 'Período de prueba',
    used: 'Usado',
    violation: 'Infracción',
  },
  yes: 'Sí',
  no: 'No',
  unlimited: 'ilimitado',
  never: 'nunca',
  days: (count, written) => (count === 1 ? `${written} día` : `${written} días`),
  licenseTypes: {
    PERPETUAL: 'Perpetua',
    SUBSCRIPTION: 'Suscripción',
    TRIAL: 'Prueba',
    EVALUATION: 'Evaluación',
    CONCURRENT: 'Uso simultáneo',
    NAMED_USER: 'Usuario designado',
  },
  units: { COUNT: 'cantidad', SIZE: 'tamaño', DURATION: 'duración', BANDWIDTH: 'ancho de banda' },
  periods: { NONE: '', HOUR: 'por hora', DAY: 'por día', MONTH: 'por mes', YEAR: 'por año' },
  violations: {
    UNAUTHORIZED_USE: 'Uso no autorizado',
    OVER_DEPLOYMENT: 'Exceso de instalaciones',
    FEATURE_ABUSE: 'Abuso de funciones',
    TRANSFER_VIOLATION: 'Transferencia no permitida',
    REVERSE_ENGINEERING: 'Ingeniería inversa',
  },
  severities: { MINOR: 'leve', MAJOR: 'grave', CRITICAL: 'crítica' },
  support: 'Asistencia',
  terms: 'Condiciones',
  openPortal: 'Abrir el portal',
  activate: 'Activar la licencia',
  renew: 'Renovar la licencia',
  graceExpired: 'El período de gracia ha terminado.',
  LICENSE_ISSUED: ({ product }) => ({
    subject: `Su licencia de ${product}`,
    heading: 'Su licencia',
    paragraphs: [`Esta es su licencia de ${product}. Guarde la clave en un lugar seguro.`],
  }),
  TRIAL_ISSUED: ({ product, days }) => ({
    subject: `Su prueba de ${product}`,
    heading: 'Su prueba',
    paragraphs: [
      `Esta es su licencia para probar ${product}. La prueba dura ${days} y comienza con la primera activación.`,
    ],
  }),
  LICENSE_EXPIRING: ({ product, date, days, renewsItself }) => ({
    subject: `Su licencia de ${product} vence en ${days}`,
    heading: 'Su licencia vence pronto',
    paragraphs: [
      `Su licencia de ${product} vence el ${date}.`,
      renewsItself
        ? 'Se renueva por sí sola; no tiene que hacer nada.'
        : 'Renuévela a tiempo para que su trabajo no se interrumpa.',
    ],
  }),
  LICENSE_SUSPENDED: ({ product, graceExpired }) => ({
    subject: `Su licencia de ${product} está suspendida`,
    heading: 'Su licencia está suspendida',
    paragraphs: [
      `Su licencia de ${product} está suspendida y por ahora no puede usarse.`,
      graceExpired
        ? 'No se renovó antes de que terminara el período de gracia. En cuanto se renueve, volverá a ser válida.'
        : 'Póngase en contacto con nosotros para restablecerla.',
    ],
  }),
  RENEWAL_FAILED: ({ product, customer }) => ({
    subject: `No se pudo renovar la licencia de ${product}`,
    heading: 'La renovación ha fallado',
    paragraphs: [
      `No se pudo renovar la licencia de ${product}, emitida a ${customer}.`,
      'Revise el medio de pago.',
    ],
  }),
  VIOLATION_DETECTED: ({ violation, severity }) => ({
    subject: `Infracción de licencia detectada: ${violation} (${severity})`,
    heading: 'Se ha detectado una infracción de licencia',
    paragraphs: ['Se ha detectado una infracción de las condiciones de licencia, que debe revisarse.'],
  }),
  ORDER_FULFILLED: ({ order }) => ({
    subject: `Su pedido ${order} está completado`,
    heading: 'Su pedido está completado',
    paragraphs: [`Gracias por su pedido ${order}. Sus licencias están listas.`],
  }),
  EMERGENCY_CODE_USED: ({ product, customer, until }) => ({
    subject: `Se ha usado un código de emergencia de ${product}`,
    heading: 'Se ha usado un código de emergencia',
    paragraphs: [
      `Se ha activado un dispositivo con un código de emergencia, en la licencia de ${product} emitida a ${customer}. Esa activación termina por sí sola el ${until}.`,
      'Si no lo esperaba, póngase en contacto de inmediato.',
    ],
  }),
};
