export * from './attach.ts';
export * from './schedules.ts';
export * from './spec.ts';
