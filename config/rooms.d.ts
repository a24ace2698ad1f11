import type { Linter } from 'eslint';

export declare const ROOMS: Readonly<Record<string, readonly string[]>>;
export declare function roomOf(path: string): string;
export declare const rooms: Linter.Config[];
