import { sandboxSuite } from './suite.ts';

sandboxSuite('docker');
