import type { Texts } from '../texts.js';
import { events } from './events.js';
import { messages } from './messages.js';
import { pages } from './pages.js';

export const id: Texts = { locale: 'id', direction: 'ltr', pages, messages, events };
