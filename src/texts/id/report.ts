import type { ClockDifference } from '../../findings.js';
import type { ReportTexts } from '../report.js';

const clocks = { database: 'basis data', redis: 'Redis', server: 'server yang berjalan' };

const describeDifference = ({ clock, ahead }: ClockDifference): string =>
  `${clocks[clock]} ${Math.abs(ahead)} detik ${ahead > 0 ? 'lebih cepat' : 'lebih lambat'}`;

export const report: ReportTexts = {
  title: 'Faktor kedua: laporan status',
  checkedAt: (time) => `Diperiksa pada ${time}`,
  summary: (problems, notices) =>
    problems + notices === 0 ? 'Semuanya beres.' : `${problems} masalah, ${notices} catatan`,
  problemsTitle: 'Masalah dan catatan',
  meaning: 'Artinya',
  action: 'Yang perlu dilakukan',
  expected: (value) => `seharusnya: ${value}`,
  columns: { state: 'Keadaan', name: 'Yang diperiksa', value: 'Hasil' },
  states: { ok: 'baik', problem: 'MASALAH', notice: 'catatan', unknown: 'tak diketahui' },
  sections: {
    configuration: 'Konfigurasi',
    tables: 'Tabel',
    users: 'Pengguna dan cakupan',
    dependencies: 'Dependensi',
    endpoints: 'Titik akhir',
    'self-test': 'Uji mandiri',
    sessions: 'Penyimpanan sesi',
    cookie: 'Kuki sesi',
    clocks: 'Jam, dibandingkan dengan proses ini',
    answers: 'Jawaban beberapa menit terakhir',
  },
  rows: {
    enabled: 'langkah kedua',
    mode: 'mode',
    issuer: 'penerbit',
    origin: 'asal (origin)',
    pages: 'jalur halaman',
    api: 'jalur API',
    window: 'langkah waktu yang diterima',
    keys: 'kunci, yang pertama menyegel',
    cap: 'batas jawaban salah',
    required: 'faktor kedua wajib bagi',
    grace: 'waktu untuk menyiapkannya',
    loosened: 'opsi yang melonggarkan',
    storage: 'basis data',
    schema: 'dimigrasi ke versi',
    table: null,
    users: 'pengguna',
    enrolled: 'dengan faktor kedua',
    coverage: 'cakupan',
    failing: 'dengan jawaban salah beruntun',
    delayed: 'menunggu setelah jawaban salah',
    suspended: 'ditangguhkan',
    dependency: null,
    server: 'server',
    endpoint: null,
    'rfc-vector': 'kode sesuai RFC 6238',
    seal: 'menyegel dan membuka dengan kunci',
    'sealed-authenticator': 'autentikator, kunci',
    'sealed-backup-codes': 'set kode cadangan, kunci',
    store: 'penyimpanan',
    probe: 'menulis, membaca, menghapus',
    latency: 'waktu baca',
    'http-only': 'HttpOnly',
    secure: 'Secure',
    'same-site': 'SameSite',
    'cookie-path': 'Path',
    'cookie-sent': 'dikirim oleh server',
    'clock-database': 'basis data',
    'clock-redis': 'Redis',
    'clock-server': 'server yang berjalan',
    'logins-begun': 'langkah kedua dimulai',
    'logins-completed': 'selesai',
    'wrong-answers': 'jawaban salah',
    rejected: 'ditolak',
  },
  words: {
    on: 'aktif',
    off: 'nonaktif',
    yes: 'ya',
    no: 'tidak',
    none: 'tidak ada',
    everybody: 'semua orang',
    'by-rule': 'siapa pun menurut aturan aplikasi',
    production: 'produksi',
    development: 'pengembangan',
    works: 'berfungsi',
    fails: 'gagal',
    answers: 'menjawab',
    'no-answer': 'tidak menjawab',
    missing: 'tidak ada',
    'not-found': 'tidak ditemukan',
    'not-set': 'tidak diatur',
    'not-looked-at': 'tidak diperiksa',
  },
  problems: {
    'switched-off': () => ({
      meaning: 'Langkah kedua dimatikan: kata sandi saja sudah cukup bagi siapa pun untuk masuk.',
      action: 'Hapus enabled: false dari opsi, lalu mulai ulang aplikasi.',
    }),
    'development-mode': () => ({
      meaning: 'Ini bukan instalasi produksi; hal-hal yang hanya diperlukan di produksi tidak dituntut.',
      action: 'Di server produksi, atur NODE_ENV=production.',
    }),
    'storage-unreachable': ({ reason }) => ({
      meaning: `Basis data tidak menjawab (${reason}): tidak ada sesi yang diterima, dan tidak ada yang bisa masuk.`,
      action: 'Jalankan basis data, atau perbaiki alamat, pengguna, dan kata sandinya di konfigurasi Anda.',
    }),
    'not-migrated': ({ there, known, missing }) => ({
      meaning:
        missing.length > 0
          ? `Ada tabel yang belum dibuat (${missing.join(', ')}): tidak ada yang bisa masuk.`
          : `Tabel masih pada versi ${there}, sedangkan rilis ini membutuhkan versi ${known}: tidak ada yang bisa masuk.`,
      action:
        'Jalankan aplikasi, yang memigrasi tabel dalam secondFactor.ready(), dengan pengguna basis data yang boleh membuat tabel.',
    }),
    'schema-newer': ({ there, known }) => ({
      meaning: `Tabel berada pada versi ${there}, sedangkan rilis ini hanya mengenal versi ${known}: rilis yang lebih baru telah memutakhirkannya.`,
      action:
        'Pasang rilis yang lebih baru itu di sini juga; rilis lama bisa merusak hal yang dilindunginya.',
    }),
    'no-users': () => ({
      meaning: 'Belum ada pengguna.',
      action: 'Tidak perlu apa-apa jika instalasi ini baru. Jika tidak, periksa apakah basis datanya benar.',
    }),
    'users-suspended': ({ count }) => ({
      meaning: `${count} pengguna telah mencapai batas jawaban salah: kode jenis itu tidak diperiksa lagi.`,
      action:
        'Mungkin ada serangan dari orang yang tahu kata sandinya: minta pengguna tersebut menggantinya. Kode cadangan tetap bisa dipakai jika kode TOTP yang ditangguhkan.',
    }),
    'dependency-unsupported': ({ name, version, range }) => ({
      meaning: `${name} ${version} berada di luar rentang versi yang didukung paket ini (${range}).`,
      action: `Pasang versi dalam rentang itu: npm install ${name}@"${range}" (untuk Node, rilis Node yang lain).`,
    }),
    'server-not-running': ({ url, reason }) => ({
      meaning: `Tidak ada yang menjawab di ${url} (${reason}).`,
      action: 'Jalankan aplikasi, atau sebutkan alamat tempat aplikasi berjalan (--url).',
    }),
    'pages-not-mounted': ({ path }) => ({
      meaning: `Halaman tidak terpasang di ${path}: siapa pun yang masih harus melewati langkah kedua diarahkan ke halaman yang tidak ada.`,
      action: `Pasang dengan app.use('${path}', secondFactor.pages()) di bawah passport.session(), atau perbaiki paths.pages.`,
    }),
    'api-not-mounted': ({ path }) => ({
      meaning: `Tidak ada API JSON di ${path}.`,
      action: `Tidak perlu apa-apa jika Anda tidak memakainya. Jika perlu, pasang dengan app.use('${path}', secondFactor.api()), atau perbaiki paths.api.`,
    }),
    'endpoint-wrong': ({ endpoints }) => ({
      meaning: `Jawaban berikut tidak seperti seharusnya (yang seharusnya ada dalam kurung): ${endpoints.join('; ')}.`,
      action:
        'Periksa apa yang berada di atas titik pemasangan: rute lain, proksi, atau galat. Status 503 biasanya berarti sesi atau basis data tidak menjawab.',
    }),
    'self-test-failed': ({ test }) => ({
      meaning: `Uji mandiri gagal (${test}): kode yang benar mungkin ditolak.`,
      action:
        'Pasang ulang dependensi (npm ci). Jika tetap gagal, laporkan beserta versi-versi dalam laporan ini.',
    }),
    'keys-unavailable': ({ reason }) => ({
      meaning: `Fungsi "keys" tidak memberikan kunci (${reason}): proses yang dimulai sekarang tidak menerima sesi mana pun, dan tidak ada yang bisa masuk.`,
      action:
        'Jalankan layanan kunci, atau perbaiki cara konfigurasi memintanya. Kemudian mulai ulang aplikasi.',
    }),
    'key-missing': ({ keyId, records }) => ({
      meaning: `${records} rekaman disegel dengan kunci "${keyId}", yang tidak ada dalam daftar kunci: pemiliknya tidak bisa masuk, dan aplikasi tidak bisa dimulai lagi.`,
      action:
        'Kembalikan kunci itu ke "keys", setelah kunci yang pertama. Sebuah kunci baru boleh dikeluarkan jika tidak ada lagi yang disegel dengannya. Jika kunci itu benar-benar hilang, tandai: { id, lost: true } (docs/keys.md).',
    }),
    'key-lost': ({ keyId, records }) => ({
      meaning: `${records} rekaman disegel dengan kunci "${keyId}", yang ditandai hilang: autentikator dan kode cadangan itu ditolak. Pemilik yang punya faktor lain masih bisa memakainya.`,
      action:
        'Jika kunci itu ditemukan, kembalikan rahasianya. Jika tidak, matikan faktor kedua bagi pengguna yang tidak punya faktor lain (second-factor reset), setelah memastikan siapa yang meminta; docs/keys.md menjelaskan cara menemukan mereka.',
    }),
    'seal-broken': ({ keyId, records }) => ({
      meaning: `Sebuah rekaman yang disegel dengan kunci "${keyId}" tidak dapat dibuka (${records} rekaman dengan kunci itu): isi kunci telah berubah, atau rekamannya diubah atau dipindahkan.`,
      action:
        'Kembalikan rahasia kunci yang benar. Jika kuncinya sudah benar, pulihkan rekaman itu dari cadangan, dan cari tahu siapa yang menulis ke tabel ini.',
    }),
    'session-store-memory': () => ({
      meaning:
        'Sesi disimpan di memori satu proses: mulai ulang akan mengeluarkan semua orang, proses kedua tidak mengenal sesi itu, dan memori terus bertambah.',
      action: 'Beri express-session sebuah penyimpanan, misalnya connect-redis.',
    }),
    'session-store-unreachable': ({ store, reason }) => ({
      meaning: `Penyimpanan sesi (${store}) tidak menjawab (${reason}): tidak ada yang bisa masuk, dan yang sudah masuk mendapat galat 503.`,
      action:
        'Jalankan Redis, atau apa pun yang menyimpan sesi, atau perbaiki alamatnya di konfigurasi Anda.',
    }),
    'cookie-not-http-only': () => ({
      meaning: 'Skrip dapat membaca kuki sesi: satu skrip sisipan sudah cukup untuk mencuri sesi.',
      action: 'Hapus httpOnly: false dari kuki express-session.',
    }),
    'cookie-not-secure': () => ({
      meaning: 'Peramban juga mengirim kuki sesi lewat http, dan siapa pun di perjalanan dapat membacanya.',
      action:
        "Atur cookie: { secure: true } pada express-session, atau 'auto' di belakang proksi dengan trust proxy.",
    }),
    'cookie-same-site-none': () => ({
      meaning: 'Peramban mengirim kuki sesi bersama permintaan yang dibuat oleh situs lain.',
      action: "Atur cookie: { sameSite: 'lax' } pada express-session.",
    }),
    'clock-off': ({ differences }) => ({
      meaning: `Jam tidak cocok: dibandingkan dengan proses ini, ${differences.map(describeDifference).join(', ')}. Sebuah kode hanya berlaku sekitar satu menit: kode yang benar akan ditolak.`,
      action:
        'Biarkan setiap mesin menyetel waktunya dengan NTP (timedatectl set-ntp true, atau chrony), dan perbaiki mesin yang jamnya salah.',
    }),
    'answers-often-wrong': ({ wrong, percent }) => ({
      meaning: `${wrong} jawaban dalam beberapa menit terakhir salah, yaitu ${percent} % dari semuanya.`,
      action:
        'Periksa dulu jam di atas. Jika cocok, mungkin ada yang menebak: batasnya tetap berlaku, tetapi periksa dari mana percobaan masuk itu berasal.',
    }),
  },
};
