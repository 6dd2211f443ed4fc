import type { SecondFactorOptions } from 'passport-second-factor';

/** Puts the pages into the look, the layout and the words of a shop: goes into `createSecondFactor({ … })` with the other options. */
export const restyle = {
  pages: {
    stylesheet: '/brand.css',
    views: {
      // Around every page: the shop's own bar. What is put into HTML is text of the package, or escaped.
      layout: ({ title, content, language, direction, base, error, common }) => `<!doctype html>
<html lang="${language}" dir="${direction}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${error ? `${common.error} ` : ''}${title} – Flower shop</title>
<link rel="stylesheet" href="${base}/style.css">
<link rel="stylesheet" href="/brand.css">
</head>
<body class="sf-page">
<nav class="shop-bar" aria-label="Shop"><a href="/">Flower shop</a><a href="/help">Help</a></nav>
<main class="sf-main">${content}</main>
</body>
</html>`,
    },
  },
  languages: {
    texts: {
      en: { pages: { 'challenge/code': { totpHint: () => 'The 6 digits for the Flower shop.' } } },
    },
  },
} satisfies Pick<SecondFactorOptions, 'pages' | 'languages'>;
