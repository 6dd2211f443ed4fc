import { events } from './events.js';
import { messages } from './messages.js';
import { pages } from './pages.js';

export const en = { locale: 'en-GB', direction: 'ltr' as 'ltr' | 'rtl', pages, messages, events };
