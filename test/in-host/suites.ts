/** Every file of the in-host suite. */
import './activation.ts';
