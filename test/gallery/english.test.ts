import { checkPages } from '../helpers/gallery-pages.js';

checkPages('en');
