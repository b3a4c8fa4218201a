import { setupSuite } from './setup.suite.ts';

setupSuite('docker');
