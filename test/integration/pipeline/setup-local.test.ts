import { setupSuite } from './setup.suite.ts';

setupSuite('local');
