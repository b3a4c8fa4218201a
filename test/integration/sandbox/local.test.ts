import { sandboxSuite } from './suite.ts';

sandboxSuite('local');
