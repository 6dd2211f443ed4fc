// Imported by the processes of the races: a storage that is right in one process, and shared by none.
import { memoryStorage } from '../../dist/storage/memory/memory-storage.js';

export const open = async () => memoryStorage();
