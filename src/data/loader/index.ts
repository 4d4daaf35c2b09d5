export { type BatchRequest, type Loader, type LoaderOptions, openLoader } from './loader.ts';
