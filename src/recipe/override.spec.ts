import { type OverrideOption, replaceFunctions } from './override.js';

interface Greetings {
  hello: ((name: string) => string) | undefined;
  twice: ((name: string) => string) | undefined;
}

class Greeter {
  constructor(override?: (original: Greetings) => Greetings, option: OverrideOption = 'override.apis') {
    const original: Greetings = { hello: this.hello.bind(this), twice: this.twice.bind(this) };
    replaceFunctions(this, original, override, option);
  }

  hello(name: string): string {
    return `hello ${name}`;
  }

  twice(name: string): string {
    return `${this.hello(name)}, ${this.hello(name)}`;
  }
}

describe('an override', () => {
  it('may be left out', () => {
    expect(new Greeter().twice('Ann')).toBe('hello Ann, hello Ann');
  });

  it('gets the original functions, and may call them', () => {
    const greeter = new Greeter((original) => ({ ...original, hello: (name) => `${original.hello?.(name) ?? ''}!` }));
    expect(greeter.hello('Ann')).toBe('hello Ann!');
  });

  it('is also what original functions call', () => {
    const greeter = new Greeter((original) => ({ ...original, hello: (name) => name.toUpperCase() }));
    expect(greeter.twice('Ann')).toBe('ANN, ANN');
  });

  it('reaches the other final functions by this', () => {
    const greeter = new Greeter((original) => ({
      ...original,
      hello: (name) => name.toUpperCase(),
      twice(name) {
        return `${this.hello?.(name) ?? ''} and ${this.hello?.(name) ?? ''}`;
      },
    }));
    const { twice } = greeter;
    expect(twice('Ann')).toBe('ANN and ANN');
  });

  it('may take a function away', () => {
    const greeter = new Greeter((original) => ({ ...original, twice: undefined }));
    expect(greeter.twice).toBeUndefined();
    expect(greeter.hello('Ann')).toBe('hello Ann');
  });

  it('may be an instance of a class, whose functions are on its prototype', () => {
    class Polite implements Greetings {
      constructor(private readonly original: Greetings) {}
      hello(name: string): string {
        return `good day, ${name}`;
      }
      twice(name: string): string {
        return this.original.twice?.(name) ?? '';
      }
    }
    expect(new Greeter((original) => new Polite(original)).twice('Ann')).toBe('good day, Ann, good day, Ann');
  });

  it.each<[problem: string, returned: unknown]>([
    ['undefined', undefined],
    ['null', null],
    ['string', 'hello'],
  ])('is refused when it returns %s', (problem, returned) => {
    for (const option of ['override.functions', 'override.apis'] as const) {
      expect(() => new Greeter(() => returned as Greetings, option)).toThrow(
        `TotpModule: ${option} returned ${problem}. Return all functions: (original) => ({ ...original, … })`,
      );
    }
  });

  it.each<[problem: string, returned: object]>([
    ['no function hello', {}],
    ['no function twice', { hello: () => 'hello' }],
    ['no function hello', Promise.resolve({ hello: () => 'hello', twice: () => 'twice' })],
    ['no function twice', { hello: () => 'hello', twice: 'twice' }],
    ['no function twice', { hello: () => 'hello', twice: null }],
    [
      '"Hello", which does not exist: did you mean "hello"?',
      { hello: () => 'hello', twice: () => 'twice', Hello: () => '' },
    ],
  ])('is refused when it returns %s', (problem, returned) => {
    for (const option of ['override.functions', 'override.apis'] as const) {
      expect(() => new Greeter(() => returned as Greetings, option)).toThrow(
        `TotpModule: ${option} returned ${problem}`,
      );
    }
  });

  it('may not take away a function of the recipe, which callers rely on', () => {
    expect(() => new Greeter((original) => ({ ...original, twice: undefined }), 'override.functions')).toThrow(
      'TotpModule: override.functions returned no function twice. Return all functions: (original) => ({ ...original, … }).',
    );
  });

  it('does not reach other instances', () => {
    new Greeter((original) => ({ ...original, hello: () => 'overridden' }));
    expect(new Greeter().hello('Ann')).toBe('hello Ann');
  });
});
