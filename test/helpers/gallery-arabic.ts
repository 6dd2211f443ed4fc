import type { TextChanges } from '../../src/texts/texts.js';

/** Some words of a language that is written from right to left, as a host brings them. */
export const ar: TextChanges = {
  direction: 'rtl',
  pages: {
    common: { error: 'خطأ:', problem: 'هناك مشكلة', continue: 'متابعة', code: 'الرمز', cancel: 'إلغاء' },
    'challenge/code': {
      title: () => 'أدخل الرمز',
      limit: (count) => `خطوة واحدة أخرى. لديك ${String(count)} دقائق.`,
      totpHint: (issuer) => `افتح تطبيق المصادقة وأدخل الأرقام الستة لـ ${issuer}.`,
      trust: (count) => `لا تسأل مرة أخرى في هذا المتصفح لمدة ${String(count)} يومًا`,
      trustHint: 'فقط إذا لم يستخدم أحد غيرك هذا الجهاز.',
      useBackupCode: 'استخدم رمزًا احتياطيًا',
      cancelLogin: 'إلغاء وتسجيل الدخول باسم آخر',
    },
  },
  messages: { answers: { wrong: () => 'هذا الرمز غير صحيح.' } },
};
