import { Field, Float, InputType, ObjectType } from 'type-graphql';
import { type Check, text } from '../../core/check.js';
import { Checked } from '../../graph/checked.js';

@ObjectType({ description: 'A point on the earth.', simpleResolvers: true })
@InputType('CoordinatesInput', { description: 'A point on the earth.' })
export class Coordinates {
  @Checked(degrees(90))
  @Field(() => Float, { description: 'Degrees north, -90 to 90.' })
  declare readonly latitude: number;

  @Checked(degrees(180))
  @Field(() => Float, { description: 'Degrees east, -180 to 180.' })
  declare readonly longitude: number;
}

function degrees(most: number): Check {
  return (value) =>
    typeof value === 'number' && Math.abs(value) <= most
      ? undefined
      : `must be a number from -${most} to ${most}`;
}

@ObjectType({ description: 'Where a device says it is. Personal data.', simpleResolvers: true })
@InputType('ActivationLocationInput', { description: 'Where a device says it is.' })
export class ActivationLocation {
  @Checked(text(2, 2))
  @Field(() => String, { description: 'The country, as an ISO 3166 code: US.' })
  declare readonly country: string;

  @Checked(text(1, 100))
  @Field(() => String, { nullable: true, defaultValue: null, description: 'The region or state.' })
  declare readonly region: string | null;

  @Checked(text(1, 100))
  @Field(() => String, { nullable: true, defaultValue: null, description: 'The city.' })
  declare readonly city: string | null;

  @Checked(text(1, 64))
  @Field(() => String, { description: 'The IANA time zone: Europe/Berlin.' })
  declare readonly timezone: string;

  @Field(() => Coordinates, { nullable: true, defaultValue: null, description: 'The point.' })
  declare readonly coordinates: Coordinates | null;
}
