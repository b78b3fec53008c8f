/**
 * UpdateFeatures (key 57): raises or lowers feature levels. From 1 also unsafe ones and only to validate; 2 reports only an
 * overall error.
 */
import { api } from '../api.ts'
import { array, bool, int8, int16, int32, message, string, type ValueOf } from '../schema.ts'

export const UpdateFeaturesRequest = message(
  'UpdateFeaturesRequest',
  { versions: '0-2', flexible: 0 },
  {
    timeoutMs: int32({ default: 60000 }),
    featureUpdates: array({
      feature: string({ mapKey: true }),
      maxVersionLevel: int16(),
      allowDowngrade: bool({ until: 0 }),
      upgradeType: int8({ since: 1, default: 1 }),
    }),
    validateOnly: bool({ since: 1 }),
  },
)

export interface UpdateFeaturesRequest extends ValueOf<typeof UpdateFeaturesRequest> {}

export const UpdateFeaturesResponse = message(
  'UpdateFeaturesResponse',
  { versions: '0-2', flexible: 0 },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: string({ nullable: true }),
    results: array(
      { until: 1, ignorable: true },
      { feature: string({ mapKey: true }), errorCode: int16(), errorMessage: string({ nullable: true }) },
    ),
  },
)

export interface UpdateFeaturesResponse extends ValueOf<typeof UpdateFeaturesResponse> {}

export const UpdateFeatures = api({
  key: 57,
  name: 'UpdateFeatures',
  listeners: ['broker', 'controller'],
  clusterAction: true,
  forwarded: true,
  request: UpdateFeaturesRequest,
  response: UpdateFeaturesResponse,
})
