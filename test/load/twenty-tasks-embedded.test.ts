import { twentyTasks } from './twenty-tasks.lib.ts';

twentyTasks({ name: 'with the embedded database', memoryMib: 600 });
