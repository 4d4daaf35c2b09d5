/** Data sets known by name; any other name is that of a folder of pictures. */
export const dataSetNames: readonly string[] = ['mnist'];

export const isNamedDataSet = (data: string): boolean => dataSetNames.includes(data);
