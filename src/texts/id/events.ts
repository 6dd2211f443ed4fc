import type { Lane, Method } from '../../model.js';
import type { EventTexts } from '../events.js';

const factors: Record<Method, string> = {
  pwd: 'kata sandi',
  totp: 'kode dari aplikasi autentikator',
  'backup-code': 'kode cadangan',
};

const lanes: Record<Lane, string> = {
  totp: 'Kode dari aplikasi autentikator',
  'backup-code': 'Kode cadangan',
};

const CHANGED =
  'Jika ini bukan Anda, orang lain telah masuk ke akun Anda: ganti kata sandi Anda, lalu atur ulang verifikasi dua langkah.';
const PASSWORD = 'Jika ini bukan Anda, orang lain mengetahui kata sandi Anda: ganti sekarang juga.';

export const events: EventTexts = {
  happened: {
    'login.completed': ({ factor }) => `Masuk dengan ${factors[factor]}.`,
    'login.trusted': ({ browser }) => `Masuk tanpa kode di peramban tepercaya (${browser}).`,
    'login.suspected': () => 'Tiga kode salah dimasukkan setelah kata sandi yang benar.',
    'login.exhausted': () => 'Proses masuk diakhiri setelah lima kode salah.',
    'login.impersonated': ({ actor }) => `Seseorang dari layanan (${actor}) bertindak di akun ini.`,
    'proof.given': ({ factor }) => `Dikonfirmasi dengan ${factors[factor]}.`,
    'answer.rejected': ({ factor }) => `Memasukkan ${factors[factor]} yang tidak diterima.`,
    'password.rejected': () => 'Memasukkan kata sandi yang salah.',
    'factor.suspended': ({ factor }) =>
      `${lanes[factor]} tidak berlaku lagi karena terlalu banyak yang salah.`,
    'first-factor.suspected': () =>
      'Begitu banyak kode salah dimasukkan sehingga proses masuk ditahan sampai kata sandi diganti.',
    'factor.enabled': ({ authenticator }) => `Verifikasi dua langkah diaktifkan dengan “${authenticator}”.`,
    'factor.imported': ({ authenticator }) =>
      `Verifikasi dua langkah dialihkan dari sistem sebelumnya dengan “${authenticator}”.`,
    'factor.disabled': ({ factor }) => `Verifikasi dua langkah dimatikan dengan ${factors[factor]}.`,
    'factor.reset': ({ reason }) =>
      `Verifikasi dua langkah dimatikan oleh administrator${reason === null ? '' : `: ${reason}`}.`,
    'authenticator.added': ({ authenticator }) => `Autentikator “${authenticator}” ditambahkan.`,
    'authenticator.replaced': ({ authenticator }) =>
      `Sebuah autentikator diganti: “${authenticator}” adalah yang baru.`,
    'authenticator.removed': ({ authenticator }) => `Autentikator “${authenticator}” dihapus.`,
    'authenticator.renamed': ({ authenticator }) => `Sebuah autentikator diberi nama “${authenticator}”.`,
    'backup-codes.renewed': () => 'Kode cadangan baru disimpan; yang lama tidak berlaku lagi.',
    'backup-code.used': ({ left }) => `Satu kode cadangan dipakai; tersisa ${String(left)}.`,
    'support-code.issued': ({ reason }) =>
      `Administrator memberikan kode dukungan untuk akun ini, yang dapat dipakai sekali untuk masuk sebagai pengganti kode cadangan: ${reason}.`,
    'support-code.used': () => 'Kode dukungan dipakai.',
    'sessions.revoked': ({ reason }) =>
      reason === 'password-changed'
        ? 'Kata sandi diganti, dan semua sesi lain diakhiri.'
        : 'Semua sesi lain diakhiri.',
    'browser.trusted': ({ browser }) => `Sebuah peramban dipercaya (${browser}): tidak dimintai kode.`,
    'browser.revoked': ({ browser }) => `Kepercayaan pada sebuah peramban diakhiri (${browser}).`,
    'browser.stolen': ({ browser }) =>
      `Tanda dari peramban tepercaya (${browser}) yang sudah pernah dipakai muncul lagi, jadi peramban itu tidak dipercaya lagi.`,
  },
  notices: {
    'login.suspected': { subject: 'Mungkin ada yang mengetahui kata sandi Anda', advice: PASSWORD },
    'factor.enabled': { subject: 'Verifikasi dua langkah aktif', advice: CHANGED },
    'factor.disabled': { subject: 'Verifikasi dua langkah dimatikan', advice: CHANGED },
    'factor.reset': {
      subject: 'Verifikasi dua langkah dimatikan untuk Anda',
      advice: 'Jika Anda tidak memintanya, beri tahu layanan dan ganti kata sandi Anda.',
    },
    'factor.suspended': {
      subject: 'Kode tidak berlaku lagi untuk akun Anda',
      advice:
        'Masuklah dengan jenis kode yang lain dan atur ulang yang sudah berhenti. Jika kode salah itu bukan dari Anda, orang lain mengetahui kata sandi Anda: ganti sekarang juga.',
    },
    'first-factor.suspected': {
      subject: 'Ganti kata sandi Anda untuk dapat masuk lagi',
      advice:
        'Seseorang yang mengetahui kata sandi Anda terus mencoba kode. Tidak ada yang dapat masuk sampai Anda menggantinya, misalnya lewat “Lupa kata sandi”.',
    },
    'authenticator.added': { subject: 'Autentikator baru ditambahkan', advice: CHANGED },
    'authenticator.replaced': { subject: 'Autentikator diganti', advice: CHANGED },
    'authenticator.removed': { subject: 'Autentikator dihapus', advice: CHANGED },
    'backup-codes.renewed': { subject: 'Anda memiliki kode cadangan baru', advice: CHANGED },
    'backup-code.used': { subject: 'Satu kode cadangan dipakai', advice: CHANGED },
    'support-code.issued': {
      subject: 'Kode dukungan diberikan untuk akun Anda',
      advice:
        'Jika Anda tidak memintanya, orang lain mengaku sebagai Anda: segera ganti kata sandi Anda, yang mengakhiri kode itu, lalu beri tahu layanan.',
    },
    'support-code.used': { subject: 'Kode dukungan dipakai', advice: CHANGED },
    'browser.trusted': {
      subject: 'Sebuah peramban kini dipercaya',
      advice: 'Jika ini bukan Anda, akhiri kepercayaannya dan ganti kata sandi Anda.',
    },
    'browser.stolen': {
      subject: 'Peramban tepercaya mungkin telah disalin',
      advice:
        'Mungkin ada yang menyalin data peramban Anda. Kepercayaannya sudah diakhiri. Jika Anda tidak tahu penyebabnya, ganti kata sandi Anda, lalu keluar dari semua tempat lain.',
    },
  },
  fewLeft: (left) =>
    left <= 0
      ? 'Anda tidak punya kode cadangan lagi. Buat yang baru sekarang.'
      : `Kode cadangan Anda tinggal ${String(left)}. Buat yang baru sebelum Anda membutuhkannya.`,
  when: (time) => `Kapan: ${time}`,
  from: (browser, address) =>
    `Dari: ${[browser ?? 'peramban tidak dikenal', address ?? 'alamat tidak dikenal'].join(', ')}`,
  see: (url) => `Lihat akun Anda: ${url}`,
};
