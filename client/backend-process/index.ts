export * from './process.ts';
export { defaultDataDir, ensureToken, logFilePath, readToken, tokenFilePath } from './folder.ts';
