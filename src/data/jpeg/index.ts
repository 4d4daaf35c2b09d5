export * from './decode.ts';
export type { JpegHeader, NeededRegion, Region } from './header.ts';
export { readJpegHeader } from './header.ts';
