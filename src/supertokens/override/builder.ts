/** The second argument of an override in SuperTokens: adds a layer beneath the override that receives it. */

/** Applies one layer: it gets the functions below it and returns those to use. */
export type OverrideLayer<Functions, Builder> = (original: Functions, builder: Builder) => Functions;

export class SuperTokensOverrideBuilder<Functions extends object> {
  /** @param original the functions at the bottom; each layer replaces some of them in place, so that the layers above see it */
  constructor(private readonly original: Functions) {}

  override(layer: OverrideLayer<Functions, this>): this {
    Object.assign(this.original, layer({ ...this.original }, this));
    return this;
  }

  build(): Functions {
    return this.original;
  }
}
