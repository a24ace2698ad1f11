import { replaceFunctions } from './override.js';

interface Greetings {
  hello: ((name: string) => string) | undefined;
  twice: ((name: string) => string) | undefined;
}

class Greeter {
  constructor(override?: (original: Greetings) => Greetings) {
    const original: Greetings = { hello: this.hello.bind(this), twice: this.twice.bind(this) };
    replaceFunctions(this, original, override);
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

  it('may be of a class, whose functions stand on its prototype', () => {
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

  it('does not reach other instances', () => {
    new Greeter((original) => ({ ...original, hello: () => 'overridden' }));
    expect(new Greeter().hello('Ann')).toBe('hello Ann');
  });
});
