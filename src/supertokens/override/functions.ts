/** Puts an override of SuperTokens' functions around those of the recipe. */
import type { FunctionOverride } from '../../recipe/config.js';
import { replaceFunctions } from '../../recipe/override.js';
import type { RecipeInterface } from '../../recipe/recipe-interface.js';
import { type OverrideLayer, SuperTokensOverrideBuilder } from './builder.js';
import { onBehalfOf, withAuthority, withDefaults, withSession } from './caller.js';
import type { SuperTokensFunctions } from './types.js';

type Layer = OverrideLayer<SuperTokensFunctions, SuperTokensOverrideBuilder<SuperTokensFunctions>>;

export function functionOverride(layer: Layer): FunctionOverride {
  return (own) => {
    const original = superTokensFunctions(own);
    const builder = new SuperTokensOverrideBuilder(original);
    const final = { ...original };
    replaceFunctions(final, original, (functions) => layer(functions, builder), 'override.functions');
    return {
      ...own,
      getUserIdentifierInfoForUserId: (input) =>
        onBehalfOf(input, () => final.getUserIdentifierInfoForUserId(withDefaults(input))),
      createDevice: (input) => onBehalfOf(input, () => final.createDevice(withDefaults(input))),
      updateDevice: (input) => onBehalfOf(input, () => final.updateDevice(withDefaults(input))),
      listDevices: (input) => onBehalfOf(input, () => final.listDevices(withDefaults(input))),
      removeDevice: (input) => onBehalfOf(input, () => final.removeDevice(withDefaults(input))),
      verifyDevice: (input) => onBehalfOf(input, () => final.verifyDevice(withDefaults(input))),
      verifyTOTP: (input) => onBehalfOf(input, () => final.verifyTOTP(withDefaults(input))),
    };
  };
}

/** The functions of the recipe that SuperTokens has too, as it calls them: without a session. */
export function superTokensFunctions(own: RecipeInterface): SuperTokensFunctions {
  return {
    getUserIdentifierInfoForUserId: (input) => own.getUserIdentifierInfoForUserId(input),
    createDevice: (input) => own.createDevice(withAuthority(input)),
    updateDevice: (input) => own.updateDevice(withAuthority(input)),
    listDevices: (input) => own.listDevices(input),
    removeDevice: (input) => own.removeDevice(withAuthority(input)),
    verifyDevice: (input) => own.verifyDevice(withAuthority(input)),
    verifyTOTP: (input) => own.verifyTOTP(withSession(input)),
  };
}
