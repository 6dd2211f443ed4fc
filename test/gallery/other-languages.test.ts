import { checkPages } from '../helpers/gallery-pages.js';

// Beside the English pages, in a process of its own.
checkPages('id');
checkPages('ar');
