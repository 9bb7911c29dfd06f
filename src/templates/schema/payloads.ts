import { Field, ObjectType } from 'type-graphql';
import { LicenseTemplate, Product } from './types.js';

function payload(description: string) {
  return ObjectType({ description, simpleResolvers: true });
}

@payload('The answer of `createProduct`.')
export class CreateProductPayload {
  @Field(() => Product, { description: 'The new product.' })
  declare readonly product: Product;
}

@payload('The answer of `updateProduct`.')
export class UpdateProductPayload {
  @Field(() => Product, { description: 'The product after the change.' })
  declare readonly product: Product;
}

@payload('The answer of `createTemplate`.')
export class CreateTemplatePayload {
  @Field(() => LicenseTemplate, { description: 'The new template.' })
  declare readonly template: LicenseTemplate;
}

@payload('The answer of `updateTemplate`.')
export class UpdateTemplatePayload {
  @Field(() => LicenseTemplate, { description: 'The template after the change.' })
  declare readonly template: LicenseTemplate;
}

@payload('The answer of `duplicateTemplate`.')
export class DuplicateTemplatePayload {
  @Field(() => LicenseTemplate, { description: 'The copy.' })
  declare readonly template: LicenseTemplate;
}
