import { createFormat } from '../format.js';
import type { Texts } from '../texts.js';

const { minutes, days, number } = createFormat('id');

export const pages: Texts['pages'] = {
  common: {
    error: 'Kesalahan:',
    problem: 'Ada masalah',
    cancel: 'Batal',
    back: 'Kembali',
    continue: 'Lanjutkan',
    signIn: 'Masuk',
    copy: 'Salin',
    copied: 'Tersalin',
    code: 'Kode',
    help: 'Minta bantuan',
    neverUsed: 'Belum pernah dipakai untuk masuk',
    unknownBrowser: 'Peramban tidak dikenal',
  },
  'challenge/code': {
    title: ({ purpose }) =>
      purpose === 'login' ? 'Masukkan kode Anda' : 'Konfirmasikan bahwa ini memang Anda',
    limit: (count) => `Satu langkah lagi dan Anda masuk. Waktu Anda ${minutes(count)}.`,
    why: 'Anda sudah masuk. Langkah berikutnya hanya untuk Anda, jadi kami meminta kode sekali lagi.',
    totpHint: (issuer) => `Buka aplikasi autentikator Anda dan masukkan 6 angka untuk ${issuer}.`,
    backupCode: 'Kode cadangan',
    backupCodeHint:
      'Salah satu kode yang Anda simpan saat pengaturan, atau kode yang diberikan tim dukungan: 24 huruf dan angka. Tanda hubung, spasi, serta huruf besar atau kecil tidak berpengaruh.',
    trust: (count) => `Jangan tanyakan lagi di peramban ini selama ${days(count)}`,
    trustHint:
      'Hanya jika tidak ada orang lain yang memakai perangkat ini. Perubahan pada perlindungan akun Anda tetap meminta kode.',
    useBackupCode: 'Gunakan kode cadangan, atau kode dari tim dukungan',
    useTotp: 'Gunakan aplikasi autentikator',
    cancelLogin: 'Batalkan dan masuk sebagai orang lain',
  },
  'challenge/password': {
    title: () => 'Konfirmasikan bahwa ini memang Anda',
    why: 'Anda sudah masuk. Langkah berikutnya hanya untuk Anda, jadi kami meminta kata sandi Anda sekali lagi.',
    password: 'Kata sandi',
  },
  'challenge/resume': {
    title: () => 'Lanjutkan yang tadi Anda lakukan',
    why: 'Ini belum dilakukan, karena Anda harus mengonfirmasi lebih dulu bahwa ini memang Anda:',
    advice: 'Kirim sekali lagi untuk melanjutkan. Jika bukan Anda yang baru saja mengirimnya, batalkan.',
  },
  'challenge/stopped': {
    title: ({ heading }) => heading,
  },
  'enrolment/required': {
    title: () => 'Siapkan verifikasi dua langkah',
    inGrace: (issuer) => `${issuer} mewajibkan verifikasi dua langkah untuk akun Anda.`,
    by: 'Siapkan paling lambat',
    left: (count) => `tersisa ${days(count)}`,
    overdue: (issuer) =>
      `${issuer} mewajibkan verifikasi dua langkah untuk akun Anda. Siapkan sekarang; setelah itu Anda masuk.`,
    meaning:
      'Anda masuk dengan kata sandi dan kode dari aplikasi di ponsel Anda. Menyiapkannya memerlukan beberapa menit: siapkan ponsel Anda.',
    setUp: 'Siapkan sekarang',
    later: 'Nanti saja',
    cancelLogin: 'Batalkan dan masuk sebagai orang lain',
  },
  'enrolment/setup': {
    unnamed: 'Aplikasi autentikator',
    title: ({ kind }) =>
      ({
        first: 'Siapkan aplikasi autentikator',
        another: 'Tambahkan aplikasi autentikator',
        replacement: 'Ganti aplikasi autentikator',
      })[kind],
    intro: {
      first:
        'Setelah ini, untuk masuk diperlukan kata sandi Anda dan kode dari aplikasi di ponsel Anda. Kata sandi yang dicuri saja tidak cukup lagi.',
      another:
        'Setelah ini, kode dari kedua aplikasi dapat dipakai untuk masuk: yang sudah ada tetap berlaku. Anda dikeluarkan dari semua tempat lain.',
      replacement:
        'Entri lama Anda berlaku sampai Anda memasukkan kode pertama dari yang baru. Setelah itu entri lama berhenti, dan Anda dikeluarkan dari semua tempat lain.',
    },
    getApp: 'Dapatkan aplikasi autentikator',
    anyApp:
      'Aplikasi apa pun untuk kode berbasis waktu dapat dipakai, misalnya dari pembuat ponsel Anda atau pengelola kata sandi Anda. Jika sudah punya, pakailah itu.',
    scan: 'Pindai gambar ini dengan aplikasi itu',
    qr: 'Kode QR dengan kunci untuk aplikasi autentikator Anda',
    onPhone: 'Membuka halaman ini di ponsel?',
    openApp: 'Buka aplikasi autentikator Anda',
    byHand: 'Tidak bisa memindai? Masukkan kunci secara manual',
    key: 'Kunci',
    account: 'Akun',
    kind: 'Jenis',
    parameters: (digits, period, algorithm) =>
      `Berbasis waktu, ${number(digits)} angka, setiap ${number(period)} detik, ${algorithm}`,
    enter: 'Masukkan kode yang ditampilkan aplikasi',
    codeHint: (digits, left) =>
      `${number(digits)} angka. Tidak ada yang berubah sampai Anda memasukkannya. Halaman ini berlaku ${minutes(left)}.`,
    name: 'Nama',
    optional: '(opsional)',
    submit: { first: 'Aktifkan', another: 'Tambahkan', replacement: 'Ganti' },
  },
  'management/overview': {
    title: () => 'Verifikasi dua langkah',
    switchedOff:
      'Pengelola telah mematikan verifikasi dua langkah: saat ini semua orang masuk dengan kata sandi saja.',
    off: 'Nonaktif',
    offMeaning:
      'Siapa pun yang mengetahui kata sandi Anda dapat masuk sebagai Anda. Dengan verifikasi dua langkah, ia juga memerlukan kode dari ponsel Anda.',
    mustEnrol: 'Akun Anda wajib memilikinya. Siapkan paling lambat',
    setUp: 'Siapkan aplikasi autentikator',
    on: 'Aktif',
    since: 'sejak',
    authenticators: 'Autentikator',
    added: 'Ditambahkan',
    lastUsed: 'Terakhir dipakai',
    rename: 'Ubah nama',
    replace: 'Ganti',
    remove: 'Hapus',
    add: 'Tambahkan autentikator lain',
    backupCodes: 'Kode cadangan',
    left: (left, total) => `Tersisa ${number(left)} dari ${number(total)}`,
    backupCodesMeaning: 'Dengan kode ini Anda dapat masuk saat ponsel tidak ada.',
    few: 'Buat kode cadangan baru sebelum Anda membutuhkannya.',
    manageBackupCodes: 'Kode cadangan',
    browsers: 'Peramban tepercaya',
    browsersMeaning: 'Peramban tempat Anda memilih untuk tidak dimintai kode.',
    activity: 'Aktivitas',
    seeActivity: 'Yang telah terjadi pada akun ini',
    sessions: 'Sesi lain',
    sessionsMeaning:
      'Jika Anda pernah masuk di tempat yang tidak Anda percayai lagi, akhiri sesi di sana. Sesi ini tetap berlaku.',
    browsersToo: 'Semua peramban tepercaya akan dimintai kode lagi.',
    signOutElsewhere: 'Keluar dari semua tempat lain',
    turnOff: 'Matikan',
    turnOffLink: 'Matikan verifikasi dua langkah',
    mustStay: 'Akun Anda wajib memakai verifikasi dua langkah, jadi tidak dapat dimatikan.',
  },
  'management/activity': {
    title: () => 'Aktivitas',
    intro:
      'Yang telah terjadi pada verifikasi dua langkah akun ini. Jika ada yang bukan dari Anda, ganti kata sandi Anda, lalu keluar dari semua tempat lain.',
    none: 'Belum ada.',
    older: 'Aktivitas sebelumnya',
  },
  'management/backup-codes': {
    title: () => 'Kode cadangan',
    intro: 'Setiap kode ini dapat dipakai sekali untuk masuk saat ponsel Anda tidak ada.',
    onlyNow: 'Kode ini hanya ditampilkan sekarang.',
    where:
      'Simpan di tempat yang dapat Anda temukan tanpa ponsel: di pengelola kata sandi, atau di atas kertas.',
    oldStillWork:
      'Kode lama Anda masih berlaku. Kode itu berhenti saat Anda menekan “Saya sudah menyimpan kode ini”.',
    howToCopy: 'Klik kode sekali untuk memilih semuanya, lalu salin.',
    howToPrint: 'Cetak halaman ini dengan peramban Anda: hanya kode yang tercetak.',
    download: 'Unduh sebagai berkas teks',
    print: 'Cetak',
    saved: 'Saya sudah menyimpan kode ini',
    service: 'Layanan',
    account: 'Akun',
    made: 'Dibuat',
    worksOnce: 'Setiap kode berlaku sekali. Simpan seaman kata sandi.',
    left: (left, total) => `Tersisa ${number(left)} dari ${number(total)} kode cadangan`,
    neverAgain: 'Kode itu tidak dapat ditampilkan lagi.',
    few: 'Buat yang baru sebelum Anda membutuhkannya.',
    used: 'Sudah dipakai',
    usedAdvice: 'Jika salah satunya bukan dari Anda, orang lain memiliki kode Anda: buat yang baru sekarang.',
    renewal: 'Kode baru',
    renewalMeaning: 'Kode baru menggantikan yang lama setelah Anda menyimpannya.',
    renew: 'Buat kode cadangan baru',
    file: {
      title: (label, issuer) => `Kode cadangan untuk ${label} di ${issuer}`,
      worksOnce: 'Setiap kode berlaku sekali.',
      name: 'kode-cadangan.txt',
    },
  },
  'management/backup-code-used': {
    title: ({ isSupportCode }) =>
      isSupportCode ? 'Anda memakai kode dukungan' : 'Anda memakai kode cadangan',
    signedIn: 'Anda sudah masuk. Kode itu tidak berlaku lagi.',
    left: (left) => `Tersisa ${number(left)} kode cadangan`,
    few: 'Buat kode cadangan baru sekarang, agar Anda tetap dapat masuk tanpa ponsel.',
    act: (count) =>
      `Saat masuk berikutnya Anda memerlukan kode: pasang autentikator baru sebagai ganti yang hilang, dan buat kode cadangan baru. Lakukan sekarang: selama ${minutes(count)} tidak ada kode lain yang diminta.`,
    lost: 'Ponsel Anda hilang atau diganti?',
    replace: 'Pasang autentikator baru sebagai gantinya',
    renew: 'Buat kode cadangan baru',
  },
  'management/browsers': {
    title: () => 'Peramban tepercaya',
    intro:
      'Di peramban ini Anda masuk dengan kata sandi saja. Jika Anda tidak mengenal salah satunya, atau orang lain memakainya, akhiri kepercayaannya: kode akan diminta saat masuk berikutnya.',
    none: 'Tidak ada. Anda dimintai kode setiap kali masuk.',
    thisOne: 'peramban ini',
    trusted: 'Dipercaya',
    until: 'Sampai',
    lastUsed: 'Terakhir dipakai',
    end: 'Akhiri kepercayaan',
    of: (browser, since) => `pada ${browser}, dipercaya ${since}`,
    endAll: 'Akhiri kepercayaan semuanya',
  },
  'management/disable': {
    title: () => 'Matikan verifikasi dua langkah',
    meaning:
      'Setelah ini kata sandi saja cukup untuk masuk. Entri autentikator dan semua kode cadangan Anda tidak berlaku lagi, dan Anda dikeluarkan dari semua tempat lain.',
    codeHint: '6 angka dari aplikasi autentikator Anda, atau salah satu kode cadangan Anda.',
    submit: 'Matikan',
    keep: 'Tetap aktifkan',
  },
  'management/rename': {
    title: () => 'Ubah nama autentikator',
    name: 'Nama',
    nameHint: 'Agar Anda tahu ponsel atau aplikasi yang mana, misalnya “Ponsel kantor”.',
    save: 'Simpan',
  },
  'management/remove': {
    title: () => 'Hapus autentikator',
    meaning: (name) =>
      `Kode dari “${name}” tidak dapat dipakai lagi untuk masuk, dan Anda dikeluarkan dari semua tempat lain. Autentikator lain dan kode cadangan Anda tetap berlaku.`,
    submit: 'Hapus',
    keep: 'Pertahankan',
  },
  error: {
    title: () => 'Ini tidak berhasil',
  },
};
