import { createFormat } from '../format.js';
import type { Texts } from '../texts.js';

const { wait, difference, number } = createFormat('id');

export const messages: Texts['messages'] = {
  answers: {
    malformed: 'Masukkan 6 angka dari aplikasi autentikator Anda, atau kode cadangan.',
    mistyped: 'Ada salah ketik pada kode cadangan itu. Periksa dan masukkan lagi.',
    wrong: (left) => `Kode itu salah. Anda dapat mencoba ${number(left)} kali lagi.`,
    used: 'Kode itu sudah dipakai. Tunggu sampai aplikasi autentikator Anda menampilkan kode berikutnya.',
    delayed: (span) => `Terlalu banyak kode salah untuk akun ini. Coba lagi dalam ${wait(span)}.`,
    suspended:
      'Terlalu banyak kode salah, sehingga kode jenis ini tidak berlaku lagi untuk akun ini. Gunakan jenis yang lain, atau minta bantuan.',
    suspected:
      'Begitu banyak kode salah untuk akun ini sehingga mungkin ada yang mengetahui kata sandinya. Ganti kata sandi lebih dulu, misalnya lewat “Lupa kata sandi”; lalu masuk dengan yang baru.',
    exhausted: 'Terlalu banyak kode salah. Silakan masuk lagi.',
    completed:
      'Proses ini diselesaikan oleh permintaan lain, misalnya di tab lain atau karena klik ganda, atau sudah berakhir. Jika Anda belum masuk, silakan masuk lagi.',
    expired: 'Waktu masuk Anda habis, atau diakhiri oleh perubahan pada akun. Silakan masuk lagi.',
    impossible: 'Keluar lalu masuk lagi, kemudian kembali ke sini dalam 5 menit.',
    passwordWrong: 'Kata sandi itu salah.',
  },
  headings: {
    exhausted: 'Terlalu banyak kode salah',
    suspected: 'Ganti kata sandi Anda lebih dulu',
    completed: 'Proses masuk ini sudah selesai',
    expired: 'Silakan masuk lagi',
    impossible: 'Konfirmasikan bahwa ini memang Anda',
  },
  enrolment: {
    malformed: 'Masukkan 6 angka yang ditampilkan aplikasi autentikator Anda.',
    wrong: 'Kode itu salah. Tunggu kode berikutnya, dan periksa apakah jam ponsel Anda tepat.',
    clock: (offset) =>
      `Kode itu saat ini tidak tepat: jam ponsel Anda tampaknya ${offset > 0 ? 'terlalu cepat' : 'terlambat'} sekitar ${difference(offset)}. ` +
      'Atur tanggal dan waktu di ponsel Anda ke “otomatis”, lalu masukkan kode berikutnya.',
    completed: 'Ini sudah dilakukan oleh permintaan lain, atau sesi Anda telah berakhir.',
    expired:
      'Waktu pengaturan ini habis. Pindai gambar yang baru; entri lama di aplikasi Anda boleh dihapus.',
  },
  nameInvalid: 'Masukkan nama dengan 1 sampai 64 karakter.',
  refusals: {
    'login-required': 'Sesi ini telah berakhir. Silakan masuk lagi.',
    'second-factor-required':
      'Akun ini memakai verifikasi dua langkah: masuklah di tempat kode dapat diminta.',
    'proof-required': 'Konfirmasikan lebih dulu bahwa ini memang Anda.',
    'proof-impossible': 'Keluar lalu masuk lagi, kemudian kembali ke sini dalam 5 menit.',
    'login-refused': 'Proses masuk ini tidak diizinkan.',
    'impersonation-refused': 'Ini tidak diizinkan.',
    'enrolment-refused': 'Verifikasi dua langkah tidak dapat disiapkan untuk akun ini.',
    'enrolment-required': 'Siapkan verifikasi dua langkah lebih dulu.',
    'removal-refused': 'Akun Anda wajib memakai verifikasi dua langkah, jadi tidak dapat dimatikan.',
    'request-invalid': 'Yang dikirim tidak dapat dibaca. Kembali dan isi formulirnya sekali lagi.',
    'not-found': 'Ini tidak ada: sudah dihapus atau dipakai, atau memang tidak pernah ada.',
    'method-not-allowed': 'Halaman ini tidak menerima permintaan seperti itu.',
    'request-too-large': 'Yang dikirim terlalu besar.',
    'content-type-unsupported': 'Yang dikirim bukan formulir halaman ini.',
    'cross-site-refused': 'Permintaan ini dikirim oleh situs lain.',
    'form-token-invalid': 'Formulir ini sudah kedaluwarsa: buka halamannya lagi.',
    'not-enabled': 'Verifikasi dua langkah tidak aktif.',
    'enrolment-expired': 'Waktu pengaturan ini habis. Mulailah lagi.',
    'authenticators-full': 'Jumlah autentikator Anda sudah mencapai batas. Hapus salah satu lebih dulu.',
    'authenticator-last':
      'Ini satu-satunya autentikator Anda. Matikan verifikasi dua langkah, atau tambahkan yang lain lebih dulu.',
    'proposal-missing': 'Kode ini tidak ada lagi. Buat yang baru.',
  },
};
