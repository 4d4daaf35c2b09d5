export * from './cifar.ts';
export * from './dataset.ts';
export * from './digit.ts';
export * from './mnist.ts';
export * from './order.ts';
export * from './write-atomic.ts';
